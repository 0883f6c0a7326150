package dev.gyre.kernels.workload;

/**
 * The shapes at which kernels are measured.
 *
 * @param linear of plain linears
 * @param attention one causal document
 * @param rows of the kernels that work row by row
 * @param width of those rows, a multiple of the head size
 * @param experts experts of the router and of grouped linears
 * @param topK experts per token (top-k)
 * @param expertLinear of grouped linears; its rows are divided evenly over the experts
 * @param vocabRows tokens of one tile of logits
 * @param vocab width of that tile
 * @param parameters elements of an AdamW step and of kernels without structure
 */
public record Sizes(
    Product linear,
    Attention attention,
    int rows,
    int width,
    int experts,
    int topK,
    Product expertLinear,
    int vocabRows,
    int vocab,
    int parameters) {

  /** x [rows, inputs] times w [outputs, inputs]. */
  public record Product(int rows, int inputs, int outputs) {
    double flops() {
      return 2.0 * rows * inputs * outputs;
    }

    @Override
    public String toString() {
      return rows + "×" + inputs + "×" + outputs;
    }
  }

  /** Attention with as many keys as queries. */
  public record Attention(int queries, int heads, int kvHeads, int headDim) {
    /** Forward: two products over the half of the pairs that is visible. */
    double flops() {
      return 2.0 * queries * queries * heads * headDim;
    }

    @Override
    public String toString() {
      return "N %d, %d×%d over %d".formatted(queries, heads, headDim, kvHeads);
    }
  }

  /**
   * Shapes of the published benchmarks. The experts are those of a layer of {@code gyre bench
   * train}; operands of memory-bound kernels have 64 MB and more, so that they do not fit in a
   * cache.
   */
  public static final Sizes BENCHMARK =
      new Sizes(
          new Product(4096, 1024, 1024),
          new Attention(4096, 8, 8, 64),
          8192,
          2048,
          8,
          2,
          new Product(8192, 512, 1536),
          512,
          32_000,
          8 << 20);

  /**
   * Shapes that a worker measures at start-up: small enough to run before JIT compilation (an
   * interpreted vector operation takes a microsecond), large enough that a call's fixed cost is
   * small.
   */
  public static final Sizes START_UP =
      new Sizes(
          new Product(1024, 512, 1024),
          new Attention(512, 2, 2, 64),
          64,
          512,
          8,
          2,
          new Product(512, 256, 512),
          32,
          1024,
          32 << 10);

  public Sizes withLinear(Product product) {
    return new Sizes(
        product, attention, rows, width, experts, topK, expertLinear, vocabRows, vocab, parameters);
  }

  public Sizes withAttention(Attention other) {
    return new Sizes(
        linear, other, rows, width, experts, topK, expertLinear, vocabRows, vocab, parameters);
  }
}
