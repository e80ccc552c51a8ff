"""What is wrong with the examples of an OpenAPI 3.1 document: reads it from stdin, prints a JSON list of sentences."""

import json
import sys

import jsonschema_rs

document = json.load(sys.stdin)
problems, checked = [], 0
for path, item in document["paths"].items():
    for method, operation in item.items():
        contents = [("request", operation.get("requestBody", {}).get("content", {}))]
        contents += [(status, response.get("content", {})) for status, response in operation["responses"].items()]
        for place, content in contents:
            for media_type, described in content.items():
                examples = [value["value"] for value in described.get("examples", {}).values() if "value" in value]
                examples += [described["example"]] if "example" in described else []
                if not examples or not media_type.endswith("json"):
                    continue
                schema = described["schema"] | {"components": document["components"]}
                validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
                for example in examples:
                    checked += 1
                    problems += [f"{method} {path} {place}: {error.message}" for error in validator.iter_errors(example)]
json.dump({"checked": checked, "problems": problems}, sys.stdout)
