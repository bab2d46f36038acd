"""Expectations: what must hold between endpoints, read from files, checked, and proposed.

Comes in: documents of kind Expectations and the evaluated cluster. Goes out: a result for each expectation;
or, the other way round, the expectations that describe what is. docs/expectations.md describes the format,
expectations.schema.json beside this module states it for programs.

The parts: `expectation` has the data and `reading` makes them from documents; `ends` finds who is meant and
`blocks` what is asked of them; `checking` asks (`tally` endpoints, `services` Services), and `result` is the
answer; `proposal` describes what is, and `writing` writes that down.
"""
