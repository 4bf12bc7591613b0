//! Writes a [`Net`] as a TFLite file.

use super::{Act, Clamp, Kind, Layer, Net, Steps, Weights};
use flatbuffers::{FlatBufferBuilder, UnionWIPOffset, WIPOffset};
use tract_tflite::tflite::{self as schema, ActivationFunctionType, BuiltinOperator, BuiltinOptions, TensorType};

/// The file of a network.
pub fn file(net: &Net) -> Vec<u8> {
    let mut w = Writer::default();
    let empty = schema::Buffer::create(&mut w.fbb, &schema::BufferArgs::default());
    w.buffers.push(empty);
    for (i, act) in net.acts.iter().enumerate() {
        w.activation(&format!("act_{i}"), act);
    }
    for layer in &net.layers {
        w.layer(net, layer);
    }
    w.finish(0, net.last())
}

/// The file in the making. Tensors of the network come first, under their own numbers.
#[derive(Default)]
struct Writer<'a> {
    fbb: FlatBufferBuilder<'a>,
    tensors: Vec<WIPOffset<schema::Tensor<'a>>>,
    buffers: Vec<WIPOffset<schema::Buffer<'a>>>,
    codes: Vec<WIPOffset<schema::OperatorCode<'a>>>,
    operators: Vec<WIPOffset<schema::Operator<'a>>>,
}

impl Writer<'_> {
    fn activation(&mut self, name: &str, act: &Act) {
        let [height, width, channels] = act.hwc;
        let shape = if act.vector { vec![1, channels] } else { vec![1, height, width, channels] };
        let zero_point = i64::from(act.quant.zero_point);
        self.tensor(name, &shape, TensorType::INT8, &[act.quant.scale], zero_point, 0, None);
    }

    #[allow(clippy::too_many_arguments)] // as many as a tensor has parts
    fn tensor(
        &mut self,
        name: &str,
        shape: &[usize],
        type_: TensorType,
        scales: &[f32],
        zero_point: i64,
        axis: usize,
        data: Option<&[u8]>,
    ) -> i32 {
        let shape: Vec<i32> = shape.iter().map(|&s| s as i32).collect();
        let shape = Some(self.fbb.create_vector(&shape));
        let name = Some(self.fbb.create_string(name));
        let scale = Some(self.fbb.create_vector(scales));
        let zero_point = Some(self.fbb.create_vector(&vec![zero_point; scales.len()]));
        let quantization = schema::QuantizationParametersArgs {
            scale,
            zero_point,
            quantized_dimension: axis as i32,
            ..Default::default()
        };
        let quantization = Some(schema::QuantizationParameters::create(&mut self.fbb, &quantization));
        let quantization = quantization.filter(|_| !scales.is_empty());
        let mut buffer = 0;
        if let Some(data) = data {
            let data = Some(self.fbb.create_vector(data));
            buffer = self.buffers.len() as u32;
            let made = schema::Buffer::create(&mut self.fbb, &schema::BufferArgs { data });
            self.buffers.push(made);
        }
        let args = schema::TensorArgs { shape, type_, buffer, name, quantization, ..Default::default() };
        self.tensors.push(schema::Tensor::create(&mut self.fbb, &args));
        self.tensors.len() as i32 - 1
    }

    fn ints(&mut self, shape: &[usize], values: &[i32]) -> i32 {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.tensor("ints", shape, TensorType::INT32, &[], 0, 0, Some(&bytes))
    }

    /// Weights and biases as tensors.
    fn weights(&mut self, weights: &Weights, shape: &[usize], axis: usize, input: &Act) -> [i32; 2] {
        let bytes: Vec<u8> = weights.values.iter().map(|&v| v as u8).collect();
        let filter = self.tensor("weights", shape, TensorType::INT8, &weights.scales, 0, axis, Some(&bytes));
        let scales: Vec<f32> = weights.scales.iter().map(|s| s * input.quant.scale).collect();
        let bytes: Vec<u8> = weights.bias.iter().flat_map(|v| v.to_le_bytes()).collect();
        let bias = self.tensor("bias", &[weights.bias.len()], TensorType::INT32, &scales, 0, 0, Some(&bytes));
        [filter, bias]
    }

    fn operator(
        &mut self,
        code: BuiltinOperator,
        version: i32,
        inputs: &[i32],
        output: usize,
        options: (BuiltinOptions, Option<WIPOffset<UnionWIPOffset>>),
    ) {
        let args = schema::OperatorCodeArgs {
            deprecated_builtin_code: code.0.min(127) as i8,
            builtin_code: code,
            version,
            ..Default::default()
        };
        self.codes.push(schema::OperatorCode::create(&mut self.fbb, &args));
        let (inputs, outputs) = (self.fbb.create_vector(inputs), self.fbb.create_vector(&[output as i32]));
        let args = schema::OperatorArgs {
            opcode_index: self.codes.len() as u32 - 1,
            inputs: Some(inputs),
            outputs: Some(outputs),
            builtin_options_type: options.0,
            builtin_options: options.1,
            ..Default::default()
        };
        self.operators.push(schema::Operator::create(&mut self.fbb, &args));
    }

    fn layer(&mut self, net: &Net, layer: &Layer) {
        let from = &net.acts[layer.inputs[0]];
        let to = &net.acts[layer.output];
        let mut inputs: Vec<i32> = layer.inputs.iter().map(|&i| i as i32).collect();
        let [_, _, channels] = from.hwc;
        let none = (BuiltinOptions::NONE, None);
        let (code, version, options) = match &layer.kind {
            Kind::Conv(steps, weights, clamp) => {
                let [rows, columns] = steps.kernel;
                inputs.extend(self.weights(weights, &[to.hwc[2], rows, columns, channels], 0, from));
                let args = schema::Conv2DOptionsArgs {
                    padding: padding(steps),
                    stride_h: steps.stride[0] as i32,
                    stride_w: steps.stride[1] as i32,
                    fused_activation_function: activation(*clamp),
                    ..Default::default()
                };
                let options = schema::Conv2DOptions::create(&mut self.fbb, &args).as_union_value();
                (BuiltinOperator::CONV_2D, 3, (BuiltinOptions::Conv2DOptions, Some(options)))
            }
            Kind::Depthwise(steps, weights, clamp, times) => {
                let [rows, columns] = steps.kernel;
                inputs.extend(self.weights(weights, &[1, rows, columns, to.hwc[2]], 3, from));
                let args = schema::DepthwiseConv2DOptionsArgs {
                    padding: padding(steps),
                    stride_h: steps.stride[0] as i32,
                    stride_w: steps.stride[1] as i32,
                    depth_multiplier: *times as i32,
                    fused_activation_function: activation(*clamp),
                    ..Default::default()
                };
                let options = schema::DepthwiseConv2DOptions::create(&mut self.fbb, &args).as_union_value();
                (BuiltinOperator::DEPTHWISE_CONV_2D, 3, (BuiltinOptions::DepthwiseConv2DOptions, Some(options)))
            }
            Kind::Dense(weights, clamp) => {
                inputs.extend(self.weights(weights, &[to.hwc[2], channels], 0, from));
                let fused_activation_function = activation(*clamp);
                let args = schema::FullyConnectedOptionsArgs { fused_activation_function, ..Default::default() };
                let options = schema::FullyConnectedOptions::create(&mut self.fbb, &args).as_union_value();
                let version = if weights.scales.len() > 1 { 12 } else { 4 };
                (BuiltinOperator::FULLY_CONNECTED, version, (BuiltinOptions::FullyConnectedOptions, Some(options)))
            }
            Kind::Add(clamp) => {
                let fused_activation_function = activation(*clamp);
                let args = schema::AddOptionsArgs { fused_activation_function, ..Default::default() };
                let options = schema::AddOptions::create(&mut self.fbb, &args).as_union_value();
                (BuiltinOperator::ADD, 2, (BuiltinOptions::AddOptions, Some(options)))
            }
            Kind::Concat => {
                let axis = if to.vector { 1 } else { 3 };
                let args = schema::ConcatenationOptionsArgs { axis, ..Default::default() };
                let options = schema::ConcatenationOptions::create(&mut self.fbb, &args).as_union_value();
                (BuiltinOperator::CONCATENATION, 2, (BuiltinOptions::ConcatenationOptions, Some(options)))
            }
            Kind::Average(steps) => (BuiltinOperator::AVERAGE_POOL_2D, 2, self.pool(steps)),
            Kind::Max(steps) => (BuiltinOperator::MAX_POOL_2D, 2, self.pool(steps)),
            Kind::Global(keep_dims) => {
                inputs.push(self.ints(&[2], &[1, 2]));
                let args = schema::ReducerOptionsArgs { keep_dims: *keep_dims };
                let options = schema::ReducerOptions::create(&mut self.fbb, &args).as_union_value();
                (BuiltinOperator::MEAN, 2, (BuiltinOptions::ReducerOptions, Some(options)))
            }
            Kind::Pad(sides) => {
                let sides: Vec<i32> = [[0, 0]].iter().chain(sides).flatten().map(|&s| s as i32).collect();
                inputs.push(self.ints(&[4, 2], &sides));
                let options = schema::PadOptions::create(&mut self.fbb, &schema::PadOptionsArgs {}).as_union_value();
                (BuiltinOperator::PAD, 2, (BuiltinOptions::PadOptions, Some(options)))
            }
            Kind::Reshape => {
                let [height, width, channels] = to.hwc.map(|s| s as i32);
                let shape = if to.vector { vec![1, channels] } else { vec![1, height, width, channels] };
                inputs.push(self.ints(&[shape.len()], &shape));
                (BuiltinOperator::RESHAPE, 1, none)
            }
            Kind::Rescale(clamp) => match clamp {
                Clamp::None => (BuiltinOperator::QUANTIZE, 2, none),
                Clamp::Relu => (BuiltinOperator::RELU, 2, none),
                Clamp::Relu6 => (BuiltinOperator::RELU6, 2, none),
            },
            Kind::Softmax => {
                let options = schema::SoftmaxOptions::create(&mut self.fbb, &schema::SoftmaxOptionsArgs { beta: 1.0 });
                (BuiltinOperator::SOFTMAX, 2, (BuiltinOptions::SoftmaxOptions, Some(options.as_union_value())))
            }
        };
        self.operator(code, version, &inputs, layer.output, options);
    }

    fn pool(&mut self, steps: &Steps) -> (BuiltinOptions, Option<WIPOffset<UnionWIPOffset>>) {
        let args = schema::Pool2DOptionsArgs {
            padding: padding(steps),
            stride_h: steps.stride[0] as i32,
            stride_w: steps.stride[1] as i32,
            filter_height: steps.kernel[0] as i32,
            filter_width: steps.kernel[1] as i32,
            fused_activation_function: ActivationFunctionType::NONE,
        };
        (BuiltinOptions::Pool2DOptions, Some(schema::Pool2DOptions::create(&mut self.fbb, &args).as_union_value()))
    }

    fn finish(mut self, input: usize, output: usize) -> Vec<u8> {
        let fbb = &mut self.fbb;
        let tensors = Some(fbb.create_vector(&self.tensors));
        let operators = Some(fbb.create_vector(&self.operators));
        let inputs = Some(fbb.create_vector(&[input as i32]));
        let outputs = Some(fbb.create_vector(&[output as i32]));
        let args = schema::SubGraphArgs { tensors, inputs, outputs, operators, ..Default::default() };
        let graph = schema::SubGraph::create(fbb, &args);
        let args = schema::ModelArgs {
            version: 3,
            operator_codes: Some(fbb.create_vector(&self.codes)),
            subgraphs: Some(fbb.create_vector(&[graph])),
            buffers: Some(fbb.create_vector(&self.buffers)),
            ..Default::default()
        };
        let model = schema::Model::create(fbb, &args);
        fbb.finish(model, Some("TFL3"));
        fbb.finished_data().to_vec()
    }
}

fn padding(steps: &Steps) -> schema::Padding {
    if steps.same {
        schema::Padding::SAME
    } else {
        schema::Padding::VALID
    }
}

fn activation(clamp: Clamp) -> ActivationFunctionType {
    match clamp {
        Clamp::None => ActivationFunctionType::NONE,
        Clamp::Relu => ActivationFunctionType::RELU,
        Clamp::Relu6 => ActivationFunctionType::RELU6,
    }
}
