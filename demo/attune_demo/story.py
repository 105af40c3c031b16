"""The story `attune up --story` tells: one shopper, and what each step is expected to change.

A step says what happens (`say`, in both languages), does one thing, and expects changes. What it does is one of

* `recommend` – look only: what is offered before anything is known;
* `event` – produce a record: `topic`, and `value` in the contract's JSON form without `event_id`, `user_id`,
  `session_id`, `occurred_at`, which the player adds;
* `sign_in` – produce the clickstream record `value` of somebody without a name, then the record that says who they are;
* `rule` – produce the record of a rule of the shopkeeper, which the player takes back after the story;
* `ask` – call Ask; with `follow_up` in the dialogue of the question before, otherwise in a new one; `product_id` is the
  product it is about;
* `compose` – call Compose;
* `outcome` – produce a clickstream record of `kind` whose `content` is copied from the reply to the step named in `of`
  (and whose `product_id` is that step's product).

What it expects is a list of changes, each to be seen through a service's reply, by `of`:

* `need` – GetNeed differs from before the step; GetProfile has a category of `categories` among its first three facets;
* `recommendation` – Recommend differs from before (products or scores); at least one product of `categories` is among
  the first ten, none of `without` is, and `first` stands first;
* `answer` – the answer has this `outcome` (lower-case end of AnswerOutcome; absent: direct or generated), its first
  citation this `family`, its words this `language`;
* `text` – a composition in this `language` came back, every fact of which holds;
* `experiment` – the arm that was composed counts one more of `count` (`impressions` or `clicks`).

The shopper is in no record before, so that the story can be told again: play it for a person nobody has used.
`person()` gives the record to load first; without its consent to marketing, no text may be composed.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from attune_demo.source import table


class Words(TypedDict):
    en: str
    zh: str


class Event(TypedDict):
    topic: str
    value: dict[str, Any]


class Recommend(TypedDict):
    k: int
    language: str  # BCP 47


class SignIn(TypedDict):
    value: dict[str, Any]  # as of an event


class Ask(TypedDict):
    text: str
    follow_up: bool
    product_id: NotRequired[str]


class Compose(TypedDict):
    product_id: str
    channel: str
    language: str


class Outcome(TypedDict):
    of: str  # `id` of a step that composed
    kind: str  # full name of a BehaviorKind


class Expected(TypedDict):
    of: Literal["need", "recommendation", "answer", "text", "experiment"]
    categories: NotRequired[list[str]]
    without: NotRequired[list[str]]
    first: NotRequired[str]
    outcome: NotRequired[str]
    family: NotRequired[str]
    language: NotRequired[str]
    count: NotRequired[Literal["impressions", "clicks"]]


class Step(TypedDict):
    id: str
    say: Words
    recommend: NotRequired[Recommend]
    event: NotRequired[Event]
    sign_in: NotRequired[SignIn]
    rule: NotRequired[dict[str, Any]]  # in the contract's JSON form
    ask: NotRequired[Ask]
    compose: NotRequired[Compose]
    outcome: NotRequired[Outcome]
    expect: list[Expected]


def story() -> list[Step]:
    """The steps in their order."""
    steps: list[Step] = table("story.toml")["step"]
    return steps


def person(user_id: str) -> dict[str, Any]:
    """The shop's record of the shopper (`attune.users.v1`), under an id of the player's choice."""
    return {"user_id": user_id, **table("story.toml")["person"]}
