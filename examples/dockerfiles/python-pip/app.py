"""Renders a page with a template, to show that the native code of MarkupSafe is of this machine."""

import platform

import markupsafe._speedups
from jinja2 import Environment

page = Environment(autoescape=True).from_string("<p>{{ who }} on {{ machine }}</p>")
print(page.render(who="<anna>", machine=platform.machine()))
assert markupsafe._speedups.__file__.endswith(".so")
