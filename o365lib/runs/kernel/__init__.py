"""One notebook in one kernel: started, talked to, bounded in what it may print, ended.

- `runbook_client` is where to begin; the other modules are its parts.
- All but `channel`, `kept_output` and `notebook_text` need nbclient or papermill, so whoever wants
  a quick start imports them late.
"""
