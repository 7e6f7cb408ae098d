"""Reads OData filters with a parser of others, one a line, and writes what it makes of each as JSON."""

import json
import sys

from odata_query import ast
from odata_query.grammar import ODataLexer, ODataParser

for line in sys.stdin:
    tree = ODataParser().parse(ODataLexer().tokenize(json.loads(line)))
    if not isinstance(tree, ast.Compare):
        sys.exit(f"no comparison: {tree}")
    print(
        json.dumps(
            {
                "field": tree.left.name,
                "operator": type(tree.comparator).__name__,
                "kind": type(tree.right).__name__,
                "value": tree.right.val,
            }
        )
    )
