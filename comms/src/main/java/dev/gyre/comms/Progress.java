package dev.gyre.comms;

import org.jspecify.annotations.Nullable;

/**
 * Where a rank is, for error messages and heartbeats. One writer (the training thread), any
 * readers; readers may see the fields of two neighbouring moments.
 */
public final class Progress {
  private volatile long step = -1;
  private volatile int layer = -1;
  private volatile String phase = "starting";
  private volatile long changes;
  private volatile int waitingFor = -1;
  private volatile @Nullable Trace trace;

  /** From now on steps, phases, transfers and waits are also written down. */
  public void traceTo(Trace to) {
    trace = to;
  }

  /** Null where nothing is traced. */
  public @Nullable Trace trace() {
    return trace;
  }

  /** Begins a step, at its feed. */
  public void step(long newStep) {
    step = newStep;
    layer = -1;
    Trace to = trace;
    if (to != null) {
      to.step(newStep);
    }
    phase("feed");
  }

  public void layer(int newLayer) {
    layer = newLayer;
  }

  /**
   * @param newPhase a constant such as {@code "ring hop 5 of 8"}; made beforehand on hot paths
   */
  @SuppressWarnings("NonAtomicVolatileUpdate") // one writer
  public void phase(String newPhase) {
    phase = newPhase;
    changes++;
    Trace to = trace;
    if (to != null) {
      to.phase(layer, newPhase);
    }
  }

  /**
   * Says for whom the training thread is about to park.
   *
   * @param peer its rank; −1 when the wait is over
   */
  public void waitingFor(int peer) {
    waitingFor = peer;
  }

  public long step() {
    return step;
  }

  public int layer() {
    return layer;
  }

  public String phase() {
    return phase;
  }

  /** The rank that is waited for, −1 while the training thread computes. */
  public int waitingFor() {
    return waitingFor;
  }

  /** Grows with every phase: a heartbeat that repeats it is a rank that stands still. */
  public long changes() {
    return changes;
  }

  @Override
  public String toString() {
    return (step < 0 ? "before step 0" : "step " + step)
        + (layer < 0 ? "" : ", layer " + layer)
        + ", "
        + phase;
  }
}
