"""The four pages: short scripts that Streamlit runs from top to bottom; what they compute lives in ui/.

The folder is not called `pages`, because Streamlit runs whatever lies in a folder of that name as an app of its own.
"""
