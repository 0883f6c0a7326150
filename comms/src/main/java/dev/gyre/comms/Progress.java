package dev.gyre.comms;

import org.jspecify.annotations.Nullable;

/**
 * What a rank currently does, for error messages and heartbeats. One writer (the training thread)
 * and any number of readers. A reader may see fields of two consecutive states.
 */
public final class Progress {
  private volatile long step = -1;
  private volatile int layer = -1;
  private volatile String phase = "starting";
  private volatile long changes;
  private volatile int waitingFor = -1;
  private volatile boolean onStorage;
  private volatile @Nullable Trace trace;

  /** From now on steps, phases, transfers and waits are also recorded in the trace. */
  public void traceTo(Trace to) {
    trace = to;
  }

  /** Null if nothing is traced. */
  public @Nullable Trace trace() {
    return trace;
  }

  /** Begins a step, in the phase of reading its data. */
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
   * @param newPhase a constant such as {@code "ring hop 5 of 8"}; on hot paths created beforehand
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
   * Records which rank the training thread is about to park for.
   *
   * @param peer that rank; −1 when the wait ends
   */
  public void waitingFor(int peer) {
    waitingFor = peer;
  }

  /** Says whether the training thread reads or writes files. */
  public void onStorage(boolean now) {
    onStorage = now;
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

  /** The rank that this one waits for, −1 while the training thread computes. */
  public int waitingFor() {
    return waitingFor;
  }

  public boolean onStorage() {
    return onStorage;
  }

  /**
   * Increases with every phase. A heartbeat that repeats the value shows a rank that makes no
   * progress.
   */
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
