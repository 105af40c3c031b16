"""The verbs: compose, learn templates and outcomes, report, forget. And the ports they need."""
