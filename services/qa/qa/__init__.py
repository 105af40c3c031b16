"""What to answer? g(q,a,r) = sim(q,a) + λ·sim(q,r) over the shop's knowledge, calibrated to a probability."""
