// Designs with the description of those whose current on the iCE40 UP5K was published (tinyvision-ai-inc/ice40_power): a
// counter of some width, and beside one of 24 bits two counters of 8 bits whose product is taken every cycle. The steps of
// the two, 3 and 5, and the reduction that keeps the product from being optimised away are theirs; the text is ours.

module counter #(
    parameter WIDTH = 24
) (
    input clock,
    output top_bit
);
    reg [WIDTH-1:0] count;
    initial count = 0;
    always @(posedge clock) count <= count + 1'b1;
    assign top_bit = count[WIDTH-1];
endmodule

module multiplier (
    input clock,
    output seen
);
    wire top_bit;
    reg [7:0] a, b;
    // No product of two bytes has sixteen ones, and newer tools prove it.
    (* keep *) wire [15:0] product = a * b;
    initial {a, b} = 0;
    counter #(.WIDTH(24)) timer (.clock(clock), .top_bit(top_bit));
    always @(posedge clock) begin
        a <= a + 8'd3;
        b <= b + 8'd5;
    end
    assign seen = top_bit | &a | &b | &product;
endmodule
