package dev.gyre.model.tape;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Records the operations of the forward pass, so that the backward pass can run in reverse order.
 *
 * <p>Its entries are fused kernel calls and collectives, each with a hand-written backward.
 * Operations save what they need at the bottom of the {@link Workspace}; gradients and scratch come
 * from its top. A {@link Segment} releases both when its backward is done. A segment that will be
 * recomputed allocates from the top, in its first run, everything that it will not keep.
 * Single-threaded, for one pass: its operations, {@link #backward}, {@link #end}.
 */
public final class Tape {
  /** One operation's backward: reads its outputs' gradients, contributes to its inputs'. */
  @FunctionalInterface
  public interface Entry {
    void backward();
  }

  private enum State {
    FORWARD_ONLY,
    TRAINING,
    BACKWARD,
    ENDED
  }

  /** A segment on the tape: its entries, and where its saved memory starts. */
  private final class Recorded implements Entry {
    final Segment segment;
    final Checkpointing policy;
    final long savedMark = workspace.savedMark();
    final List<Entry> entries = new ArrayList<>();
    final List<Object> kept = new ArrayList<>();

    /** End of the memory kept for backward. */
    long keptMark = savedMark;

    private int replayed;

    Recorded(Segment segment, Checkpointing policy) {
      this.segment = segment;
      this.policy = policy;
    }

    @Override
    public void backward() {
      long scratch = workspace.scratchMark();
      segment.backwardStarts();
      fetch();
      if (policy != Checkpointing.NONE) {
        replay();
      }
      reverse(entries);
      entries.clear();
      kept.clear();
      workspace.releaseScratch(scratch);
      workspace.releaseSaved(savedMark);
      segment.backwardEnded();
    }

    /** Offloads what is kept to the store, so that the next segment can reuse the memory. */
    void store(ActivationStore store) {
      push(store, segment.input());
      push(store, workspace.saved(savedMark, keptMark));
      workspace.releaseSaved(savedMark);
    }

    private void push(ActivationStore store, Tensor t) {
      backend.hostReads(t);
      store.push(t.address(), t.byteSize());
    }

    private void pop(ActivationStore store, Tensor t) {
      backend.hostWrites(t);
      store.pop(t.address(), t.byteSize());
    }

    /** Restores it at the same address, so that its tensors are valid again. */
    private void fetch() {
      ActivationStore from = store;
      if (from == null) {
        // Outputs of later segments, whose backward is done, are still above it.
        workspace.releaseSaved(keptMark);
        return;
      }
      workspace.releaseSaved(savedMark);
      workspace.resumeSaved(keptMark);
      pop(from, workspace.saved(savedMark, keptMark));
      pop(from, segment.input());
    }

    private void replay() {
      open = this;
      recording = true;
      replaying = true;
      segment.forward();
      open = null;
      recording = false;
      replaying = false;
    }
  }

  private final Backend backend;
  private final Workspace workspace;
  private final @Nullable ActivationStore store;
  private final List<Entry> entries = new ArrayList<>();
  private State state;
  private @Nullable Recorded open;
  private boolean recording;
  private boolean replaying;
  private boolean keeping;
  private final long savedMark;
  private final long scratchMark;

  /**
   * @param backend backend that owns the workspace's memory
   * @param store where inputs and kept activations of segments are offloaded until their backward;
   *     null to leave them in the workspace
   * @param training whether a backward pass will follow; if not, segments keep nothing
   */
  public Tape(
      Backend backend, Workspace workspace, @Nullable ActivationStore store, boolean training) {
    this.backend = backend;
    this.workspace = workspace;
    this.store = store;
    state = training ? State.TRAINING : State.FORWARD_ONLY;
    recording = training;
    savedMark = workspace.savedMark();
    scratchMark = workspace.scratchMark();
  }

  /** Whether segments' inputs are offloaded, so that their memory may be reused. */
  public boolean stores() {
    return store != null && state == State.TRAINING;
  }

  /** Whether a backward pass follows, so that inputs of segments must not be overwritten. */
  public boolean training() {
    return state == State.TRAINING || state == State.BACKWARD;
  }

  /**
   * Whether a segment is being recomputed; the side effects of its forward have already happened.
   */
  public boolean replaying() {
    return replaying;
  }

  /**
   * Memory of the open segment for what its backward needs. If the segment will be recomputed, the
   * memory of its first run only lasts to the segment's end.
   */
  public Tensor save(DType dtype, long... dims) {
    Recorded segment = open;
    boolean dropped =
        state == State.TRAINING
            && segment != null
            && segment.policy != Checkpointing.NONE
            && !keeping;
    return dropped ? workspace.scratch(dtype, dims) : workspace.save(dtype, dims);
  }

  /**
   * Runs work whose result a policy may keep. If the policy keeps it, recomputing the segment does
   * not repeat the work: it returns the first result, and the memory that the work allocated with
   * {@link #save} or at the workspace's bottom stays valid.
   */
  @SuppressWarnings("unchecked") // a second run makes the same calls in the same order
  public <T> T keep(Retained product, Supplier<T> work) {
    Recorded segment = open;
    if (segment == null
        || !training()
        || segment.policy == Checkpointing.NONE
        || !segment.policy.keeps(product)) {
      return work.get();
    }
    if (replaying) {
      return (T) segment.kept.get(segment.replayed++);
    }
    require(
        workspace.savedMark() == segment.keptMark,
        "segment " + segment.segment.name() + " saved something that is dropped below " + product);
    keeping = true;
    T made = work.get();
    keeping = false;
    segment.keptMark = workspace.savedMark();
    segment.kept.add(made);
    return made;
  }

  /**
   * The result that {@link #keep} returns next; null in a first run, and if the policy keeps no
   * further result.
   */
  public @Nullable Object keptNext() {
    Recorded segment = open;
    return replaying && segment != null && segment.replayed < segment.kept.size()
        ? segment.kept.get(segment.replayed)
        : null;
  }

  /** Records an operation just performed; ignored while nothing is recorded. */
  public void record(Entry entry) {
    require(state != State.ENDED, "the pass has ended");
    if (!recording) {
      return;
    }
    require(state == State.TRAINING || replaying, "an operation was recorded during backward");
    (open == null ? entries : open.entries).add(entry);
  }

  /** Runs a segment's forward pass and keeps what the policy selects. */
  public void segment(Segment segment, Checkpointing policy) {
    require(
        state == State.TRAINING || state == State.FORWARD_ONLY,
        "segment " + segment.name() + " outside of a forward pass");
    require(open == null, "segment " + segment.name() + " inside another");
    Recorded recorded = new Recorded(segment, policy);
    long scratch = workspace.scratchMark();
    boolean training = state == State.TRAINING;
    open = recorded;
    recording = training && policy == Checkpointing.NONE;
    segment.forward();
    open = null;
    recording = training;
    workspace.releaseScratch(scratch);
    if (!training) {
      workspace.releaseSaved(recorded.savedMark);
      return;
    }
    if (policy == Checkpointing.NONE) {
      recorded.keptMark = workspace.savedMark();
    }
    workspace.releaseSaved(recorded.keptMark);
    entries.add(recorded);
    if (store != null) {
      recorded.store(store);
    }
  }

  /**
   * Runs everything recorded in reverse. The gradient of the last output must have been computed.
   *
   * @throws IllegalStateException in a forward-only pass, or the second time
   */
  public void backward() {
    require(state == State.TRAINING, "backward needs a training pass, and only one each");
    state = State.BACKWARD;
    recording = false;
    reverse(entries);
  }

  private static void reverse(List<Entry> entries) {
    for (int i = entries.size() - 1; i >= 0; i--) {
      entries.get(i).backward();
    }
  }

  /** Ends the pass, also a failed one, and releases all its memory. */
  public void end() {
    if (state == State.ENDED) {
      return;
    }
    entries.clear();
    open = null;
    recording = false;
    replaying = false;
    keeping = false;
    state = State.ENDED;
    if (store != null) {
      store.clear();
    }
    workspace.releaseScratch(scratchMark);
    workspace.releaseSaved(savedMark);
  }

  private static void require(boolean holds, String problem) {
    if (!holds) {
      throw new IllegalStateException("tape: " + problem);
    }
  }
}
