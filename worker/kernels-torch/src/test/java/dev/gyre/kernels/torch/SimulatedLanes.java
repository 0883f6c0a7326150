package dev.gyre.kernels.torch;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.Deque;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;

/**
 * A simulated device in host memory. Its lanes do nothing until the host waits, and then run in
 * random order, so that every order that events allow occurs in some run. Its memory holds garbage
 * until it is written.
 */
@SuppressWarnings("restricted")
final class SimulatedLanes implements Lanes {
  private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  /** A piece of work of a lane; {@code after} is an event that it waits for, or −1. */
  private record Work(String name, int after, Runnable action) {}

  private final Arena arena = Arena.ofShared();
  private final Random turns;
  private final boolean launchesAtOnce;
  private final Map<Lane, Deque<Work>> waiting = new EnumMap<>(Lane.class);
  private final BitSet happened = new BitSet();
  private final List<String> done = new ArrayList<>();
  private int events;
  private long uploadedBytes;
  private long downloadedBytes;

  /**
   * @param launchesAtOnce whether kernels run when they are launched, without {@link #kernel}; only
   *     the work that they wait for runs before them
   */
  SimulatedLanes(long seed, boolean launchesAtOnce) {
    this.turns = new Random(seed);
    this.launchesAtOnce = launchesAtOnce;
    for (Lane lane : Lane.values()) {
      waiting.put(lane, new ArrayDeque<>());
    }
  }

  private Deque<Work> queue(Lane lane) {
    return Objects.requireNonNull(waiting.get(lane));
  }

  private void give(Lane lane, String name, int after, Runnable action) {
    queue(lane).add(new Work(name, after, action));
  }

  /** Does a lane's next work; false if there is none, or it waits for an event. */
  boolean step(Lane lane) {
    Work next = queue(lane).peek();
    if (next == null || (next.after >= 0 && !happened.get(next.after))) {
      return false;
    }
    queue(lane).remove();
    next.action.run();
    if (!next.name.isEmpty()) {
      done.add(next.name);
    }
    return true;
  }

  /** Runs one lane until it is idle or waits. */
  void run(Lane lane) {
    while (step(lane)) {}
  }

  /** Runs one step of a random lane that can continue. */
  private void stepAny() {
    List<Lane> order = new ArrayList<>(List.of(Lane.values()));
    Collections.shuffle(order, turns);
    for (Lane lane : order) {
      if (step(lane)) {
        return;
      }
    }
    throw new AssertionError("every lane waits: " + waiting);
  }

  boolean idle() {
    return waiting.values().stream().allMatch(Deque::isEmpty);
  }

  /** Copies and kernels in the order in which they happened. */
  List<String> done() {
    return done;
  }

  long uploadedBytes() {
    return uploadedBytes;
  }

  long downloadedBytes() {
    return downloadedBytes;
  }

  void kernel(String name, Runnable action) {
    give(Lane.COMPUTE, name, -1, action);
  }

  @Override
  public long pageLocked(long bytes) {
    return arena.allocate(bytes, 64).address();
  }

  @Override
  public long onDevice(long bytes) {
    return arena.allocate(bytes, 64).fill((byte) 0xff).address();
  }

  @Override
  public void upload(long host, long device, long bytes) {
    uploadedBytes += bytes;
    give(Lane.UPLOAD, "upload", -1, () -> MemorySegment.copy(ALL, host, ALL, device, bytes));
  }

  @Override
  public void download(long device, long host, long bytes) {
    downloadedBytes += bytes;
    give(Lane.DOWNLOAD, "download", -1, () -> MemorySegment.copy(ALL, device, ALL, host, bytes));
  }

  @Override
  public int record(Lane lane) {
    int event = events++;
    give(lane, "", -1, () -> happened.set(event));
    return event;
  }

  @Override
  public void waitFor(Lane lane, int event) {
    if (event >= events) {
      throw new IllegalArgumentException("event " + event + " was not recorded");
    }
    give(lane, "", event, () -> {});
    if (launchesAtOnce && lane == Lane.COMPUTE) {
      await(event);
      run(lane);
    }
  }

  @Override
  public void await(int event) {
    while (!happened.get(event)) {
      stepAny();
    }
  }

  @Override
  public void drain() {
    while (!idle()) {
      stepAny();
    }
    happened.clear();
    events = 0;
  }

  @Override
  public void close() {
    if (!idle()) {
      throw new IllegalStateException("closed with unfinished work");
    }
    arena.close();
  }
}
