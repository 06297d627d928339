"""Plain values go in, a folder of HTML pages with charts comes out. The only door to Jinja and Plotly."""
