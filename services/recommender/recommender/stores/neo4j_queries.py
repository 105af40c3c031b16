"""Every query this service sends to Neo4j. Rows come sorted by key, so that locks are taken in one order."""

from __future__ import annotations

SCHEMA = (  # uniqueness is what the Community edition can promise; each constraint brings its index
    "create constraint product_id if not exists for (n:Product) require (n.tenant, n.id) is unique",
    "create constraint product_place if not exists for (n:Product) require (n.tenant, n.place) is unique",
    "create constraint shop_tenant if not exists for (n:Shop) require n.tenant is unique",
    "create constraint person if not exists for (n:Person) require (n.tenant, n.user) is unique",
    "create constraint forgotten_person if not exists for (n:Forgotten) require n.person is unique",
    "create constraint offset if not exists for (n:Offset) require (n.log, n.topic, n.partition) is unique",
    "create constraint change_number if not exists for (n:Change) require n.number is unique",
    "create constraint policy_name if not exists for (n:Policy) require (n.kind, n.tenant, n.name) is unique",
    "create constraint head_name if not exists for (n:Head) require n.name is unique",
    "create index change_at if not exists for (n:Change) on (n.at)",
    "create index product_stale if not exists for (n:Product) on (n.stale)",
)
BEGIN = "merge (h:Head {name: 'relations'}) on create set h.number = 0, h.wishes = 0, h.life = ''"

# Writers go one after the other: whoever holds the head's lock is alone until its transaction ends.
LOCK = "match (h:Head {name: 'relations'}) set h.held = true"
HEAD = """
match (h:Head {name: 'relations'})
optional match (o:Offset {log: $log, topic: $topic, partition: $partition})
return h.number as number, h.wishes as wishes, h.life as life, coalesce(o.next, 0) as next
"""
LIFE = "match (h:Head {name: 'relations'}) set h.life = $life"
SAVE_OFFSET = """
merge (o:Offset {log: $log, topic: $topic, partition: $partition})
set o.next = case when coalesce(o.next, 0) < $next then $next else o.next end
"""

PRODUCTS = """
match (p:Product)
return p.tenant as tenant, p.id as id, p.place as place, p.log as log, p.partition as partition,
  p.offset as offset, p.record as record, p.trend as trend
order by tenant, place
"""
PLACES = """
unwind $rows as r match (p:Product {tenant: r[0], id: r[1]}) return p.tenant as tenant, p.id as id, p.place as place
"""
ROOM = "merge (s:Shop {tenant: $tenant}) on create set s.places = 0 return s.places as places"
SAVE_PLACES = """
unwind $rows as r create (:Product {tenant: $tenant, id: r[0], place: r[1], trend: 0.0})
with max(r[1]) as last
match (s:Shop {tenant: $tenant}) set s.places = last + 1
"""
SAVE_PRODUCTS = """
unwind $rows as r
match (p:Product {tenant: r.tenant, id: r.id})
where p.log is null or p.log <> r.log or p.partition <> r.partition or p.offset < r.offset
set p.log = r.log, p.partition = r.partition, p.offset = r.offset, p.record = r.record
"""
SAVE_TRENDS = """
unwind $rows as r
match (p:Product {tenant: r[0], place: r[1]})
set p.trend = p.trend + r[2], p.stale = true, p.touched = $number
"""

PEOPLE = "match (u:Person) return u.tenant as tenant, u.user as user, u.history as history"
PERSON = "match (u:Person {tenant: $tenant, user: $user}) return u.history as history"
PAGE = """
unwind $rows as r
optional match (u:Person {tenant: r[0], user: r[1]})
optional match (f:Forgotten {person: r[2]})
return r[0] as tenant, r[1] as user, u.history as history, f.at as forgotten
"""
SAVE_PEOPLE = "unwind $rows as r merge (u:Person {tenant: r[0], user: r[1]}) set u.history = r[2]"
FORGET = """
unwind $rows as r
merge (f:Forgotten {person: r[2]})
set f.at = case when coalesce(f.at, 0) < r[3] then r[3] else f.at end
with r
match (u:Person {tenant: r[0], user: r[1]})
with u, u.tenant as tenant, u.user as user, u.history as history
delete u
return tenant, user, history
"""
WISHED = "match (h:Head {name: 'relations'}) set h.wishes = h.wishes + $wishes"

TELL = """
match (h:Head {name: 'relations'}) set h.number = $number
create (:Change {number: $number, at: timestamp(), body: $body})
"""
SINCE = """
match (c:Change) where c.number >= $after
with c order by c.number limit $most
return c.number as number, case when c.number = $after or c.number in $known then null else c.body end as body
"""
TRIM = """
match (h:Head {name: 'relations'})
match (c:Change) where c.at < timestamp() - $keep and c.number < h.number
with c limit 1000
delete c
"""

STALE = """
match (h:Head {name: 'relations'})
with h.number as number
optional match (p:Product {stale: true})
with number, p limit $most
return number, p.tenant as tenant, p.place as place
"""
RELATE = """
unwind $rows as r
match (p:Product {tenant: r.tenant, place: r.place})
where coalesce(p.related, -1) <= $number
set p.related = $number, p.stale = case when p.touched <= $number then null else true end
with p, r
call (p) { match (p)-[old:RELATED]->() delete old }
call (p, r) {
  unwind r.edges as edge
  match (other:Product {tenant: r.tenant, place: edge[0]})
  create (p)-[:RELATED {kind: edge[1], weight: edge[2]}]->(other)
}
"""

POLICIES = """
match (p:Policy)
return p.kind as kind, p.tenant as tenant, p.name as name, p.log as log, p.partition as partition,
  p.offset as offset, p.record as record
order by kind, tenant, name
"""
SAVE_POLICIES = """
unwind $rows as r
merge (p:Policy {kind: r.kind, tenant: r.tenant, name: r.name})
with p, r
where p.log is null or p.log <> r.log or p.partition <> r.partition or p.offset < r.offset
set p.log = r.log, p.partition = r.partition, p.offset = r.offset, p.record = r.record
"""
