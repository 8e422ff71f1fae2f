"""A list of itself was followed until the cap on parts, and the whole tool lost its shape."""

from holdfast.safety.policy.shapes import ListShape, OpaqueShape, TextShape, input_shape


def test_a_list_of_itself_is_opaque_and_the_rest_keeps_its_type():
    schema = {
        "properties": {"deep": {"$ref": "#/$defs/list"}, "path": {"type": "string"}},
        "$defs": {"list": {"type": "array", "items": {"$ref": "#/$defs/list"}}},
    }

    shape = input_shape(schema)

    assert isinstance(shape.parts["deep"].shape, OpaqueShape)
    assert isinstance(shape.parts["path"].shape, TextShape)


def test_a_list_of_texts_keeps_its_type_as_deep_as_objects_are_read():
    schema: dict[str, object] = {"type": "array", "items": {"type": "string"}}
    for _ in range(5):
        schema = {"type": "object", "properties": {"in": schema}}

    shape = input_shape({"properties": {"in": schema}})  # type: ignore[dict-item] -- made of JSON alone
    for _ in range(5):
        shape = shape.parts["in"].shape  # type: ignore[assignment] -- an object at each step

    assert shape.parts["in"].shape == ListShape(TextShape())
