package dev.gyre.trainer.rank;

import dev.gyre.model.DecoderModel;
import dev.gyre.model.MicroBatch;
import dev.gyre.model.Observer;
import dev.gyre.model.Pass;
import dev.gyre.model.PassInput;
import dev.gyre.model.StepSums;

/** An open row with its tokens, from {@link TrainingRank#prepare} until it is closed. */
public final class PreparedRow implements AutoCloseable {
  private final PassInput input;
  private final long mark;
  private final DecoderModel model;
  private final OffloadStores stores;
  private boolean closed;

  PreparedRow(PassInput input, long mark, DecoderModel model, OffloadStores stores) {
    this.input = input;
    this.mark = mark;
    this.model = model;
    this.stores = stores;
  }

  /** What a pass over the row works on. */
  public PassInput input() {
    return input;
  }

  public MicroBatch batch() {
    return input.batch();
  }

  /** A forward pass, and its backward directly after it. */
  public StepSums forwardBackward(Observer observer) {
    try (Pass pass = model.forward(input, observer)) {
      return pass.backward();
    }
  }

  /** Releases the memory. Passes over the row must be closed. */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      stores.giveBack(input.activations());
      input.workspace().releaseSaved(mark);
    }
  }
}
