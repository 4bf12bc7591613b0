//! Small ONNX files for tests, in the bytes of their wire format, so that no test depends on the reader it tests.

/// A field with bytes: a string or a message.
fn bytes(number: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = content.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend(content);
    out
}

/// A field with a number below 128.
fn number(field: u8, value: u8) -> Vec<u8> {
    assert!(value < 0x80);
    vec![field << 3, value]
}

/// A float32 tensor of shape [1, 1, 8, 8] as a graph's input or output.
fn value(name: &str) -> Vec<u8> {
    let dims: Vec<u8> = [1, 1, 8, 8].iter().flat_map(|&d| bytes(1, &number(1, d))).collect();
    let tensor = [number(1, 1), bytes(2, &dims)].concat();
    [bytes(1, name.as_bytes()), bytes(2, &bytes(1, &tensor))].concat()
}

/// A sound model of one float operator, `x` to `y`, with a node named `float_node`.
pub fn float_model(operator: &str) -> Vec<u8> {
    let node = [bytes(1, b"x"), bytes(2, b"y"), bytes(3, b"float_node"), bytes(4, operator.as_bytes())].concat();
    let graph = [bytes(1, &node), bytes(2, b"float"), bytes(11, &value("x")), bytes(12, &value("y"))].concat();
    let opset = bytes(8, &number(2, 13));
    [number(1, 8), bytes(7, &graph), opset].concat()
}
