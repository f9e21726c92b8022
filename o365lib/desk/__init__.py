"""The engineer's desk around JupyterLab: start page, working copies, client files, the banner.

- It runs in Jupyter's own server, behind its token, on this machine only.
- It reads client files and the archive, and writes two things: working copies into the session's
  folder, and new client files. It signs in nowhere and asks no tenant anything.
- Its pages load nothing from elsewhere, and show text from files and tenants as text.
"""
