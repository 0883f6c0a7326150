package dev.gyre.model;

import dev.gyre.kernels.DType;
import dev.gyre.model.tape.Checkpointing;

/**
 * How a model computes, as opposed to what.
 *
 * @param compute dtype of matmul inputs: F32 or BF16
 * @param checkpointing what each block keeps for its backward pass
 * @param lossTileTokens tokens whose logits exist at once in the head
 * @param mlpTileTokens rows whose gate, up and hidden exist at once in an MLP or a rank's experts;
 *     0 for all. With tiles they are never kept, but made again in the backward pass
 */
public record Execution(
    DType compute, Checkpointing checkpointing, int lossTileTokens, int mlpTileTokens) {
  public Execution {
    if (compute != DType.F32 && compute != DType.BF16) {
      throw new IllegalArgumentException("compute dtype " + compute + " is neither F32 nor BF16");
    }
    if (lossTileTokens < 1) {
      throw new IllegalArgumentException("loss tile of " + lossTileTokens + " tokens");
    }
    if (mlpTileTokens < 0) {
      throw new IllegalArgumentException("MLP tile of " + mlpTileTokens + " tokens");
    }
  }

  /** Without tiles in the MLP. */
  public Execution(DType compute, Checkpointing checkpointing, int lossTileTokens) {
    this(compute, checkpointing, lossTileTokens, 0);
  }

  /** Keeps all activations; 1,024 tokens a loss tile (1 MB of logits at a vocabulary of 256). */
  public static Execution of(DType compute) {
    return new Execution(compute, Checkpointing.NONE, 1024);
  }
}
