"""Bars in, indicator values out: the only door to TA-Lib.

`functions/` holds what can be computed, with parameters; `columns/` names the settings that the nightly cache keeps.
Both are plug-ins: a file dropped into the folder, or into the user's own, is found without another edit.
"""
