package dev.gyre.model;

import dev.gyre.kernels.DType;
import dev.gyre.model.tape.Checkpointing;

/**
 * Settings of how a model computes; they do not change the model.
 *
 * @param compute dtype of matmul inputs: F32 or BF16
 * @param checkpointing activation recomputation of each block
 * @param lossTileTokens tokens whose logits are in memory at once in the head
 * @param mlpTileTokens rows of an MLP or expert tile, whose gate, up and hidden are in memory at
 *     once; 0 for one tile. With tiles, backward recomputes them
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

  /** Without MLP tiles. */
  public Execution(DType compute, Checkpointing checkpointing, int lossTileTokens) {
    this(compute, checkpointing, lossTileTokens, 0);
  }

  /** Keeps all activations; 1,024 tokens per loss tile (1 MB of logits at a vocabulary of 256). */
  public static Execution of(DType compute) {
    return new Execution(compute, Checkpointing.NONE, 1024);
  }
}
