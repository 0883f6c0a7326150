package dev.gyre.trainer.rank;

import dev.gyre.kernels.Workspace;
import dev.gyre.model.MicroBatch;

/** A micro-batch in the workspace, from {@link TrainingRank#prepare} until it is closed. */
public final class PreparedRow implements AutoCloseable {
  private final Workspace workspace;
  private final long mark;
  private final MicroBatch batch;

  PreparedRow(Workspace workspace, long mark, MicroBatch batch) {
    this.workspace = workspace;
    this.mark = mark;
    this.batch = batch;
  }

  public MicroBatch batch() {
    return batch;
  }

  @Override
  public void close() {
    workspace.releaseSaved(mark);
  }
}
