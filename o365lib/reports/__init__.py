"""Reports for people, made of the archive's records alone.

- Reads evidence and writes beside it, never into it.
- Nothing is told that no record tells: what was signed and what a report says cannot disagree.
- What came from a tenant, a client's file or an operator is data: it is escaped where it is shown.
"""
