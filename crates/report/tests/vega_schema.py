"""Checks Vega-Lite specifications, a JSON array on standard input, against the schema that altair carries."""

import json
import pathlib
import sys

import altair
import jsonschema

path = pathlib.Path(altair.__file__).parent / "vegalite/v5/schema/vega-lite-schema.json"
validator = jsonschema.Draft7Validator(json.loads(path.read_text()))
bad = 0
for place, specification in enumerate(json.load(sys.stdin)):
    for error in validator.iter_errors(specification):
        bad += 1
        print(f"{place} {specification.get('title')}: {jsonschema.exceptions.best_match([error]).message[:400]}")
sys.exit(bad > 0)
