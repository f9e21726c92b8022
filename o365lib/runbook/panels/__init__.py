"""What an engineer sees and presses in JupyterLab: panels that show, ask and tell what was pressed.

- A panel knows nothing of tenants, plans or records: it is given words and functions to call. What
  it shows is a skin; the truth is in the run and its record.
- Its colours come from JupyterLab's theme, light or dark, and nothing is told by a colour alone.
- All text that it is given is data: it is escaped, and cannot steer anything.
- What must not be kept (a code, a password) travels in a widget's state after the widget was
  displayed: JupyterLab saves outputs, and by its defaults no widget state.
"""
