"""The page that people look at: one self-contained HTML file, and the small pictures of the UI.

`page.render` draws what `record.Evaluation` holds; nothing is computed here but places on paper. Empty on
purpose: who draws a thumbnail depends on `draw.py` alone.
"""
