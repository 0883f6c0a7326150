package dev.gyre.comms;

import java.io.IOException;

/**
 * Timeline of a rank: spans of steps, phases, hops, kernels, transfers and waits, as events of
 * Chrome's trace format. Uses a fixed amount of memory; further spans are counted and dropped.
 * Times are {@link System#nanoTime}, which all processes of one host share. Thread-safe.
 *
 * <p>Source: the Trace Event Format, "complete" (X) and "async" (b, e) events.
 */
public final class Trace {
  /**
   * The row of the timeline that a span is drawn in. Transfers overlap each other; spans of the
   * other rows do not.
   */
  public enum Lane {
    STEP(0, "steps"),
    PHASE(1, "phases"),
    HOP(2, "hops"),
    KERNEL(3, "kernels"),
    WAIT(4, "waits"),
    SEND(5, "sends"),
    RECEIVE(6, "receives");

    /** Position in the timeline, from the top. */
    private final int place;

    private final String label;

    Lane(int place, String label) {
      this.place = place;
      this.label = label;
    }
  }

  /** A step has hundreds to thousands of spans, of 50 bytes each. */
  public static final int DEFAULT_SPANS = 100_000;

  private static final int NOBODY = -1;

  private final long baseNanos;
  private final Lane[] lanes;
  private final String[] names;
  private final long[] begins;
  private final long[] ends;
  private final int[] peers;
  private final int[] layers;
  private final long[] bytes;
  private int used;
  private long dropped;

  private String phase = "";
  private int phaseLayer = NOBODY;
  private long phaseBegan;
  private String step = "";
  private long stepBegan;

  /**
   * @param baseNanos the time that is shown as zero, the same for all ranks
   * @param spans maximum number of spans kept
   */
  public Trace(long baseNanos, int spans) {
    this.baseNanos = baseNanos;
    lanes = new Lane[spans];
    names = new String[spans];
    begins = new long[spans];
    ends = new long[spans];
    peers = new int[spans];
    layers = new int[spans];
    bytes = new long[spans];
  }

  /** The training thread begins a step, which ends the previous one. */
  synchronized void step(long number) {
    long now = System.nanoTime();
    endStep(now);
    step = "step " + number;
    stepBegan = now;
  }

  /** The training thread enters a phase, which ends the previous one. */
  synchronized void phase(int layer, String name) {
    long now = System.nanoTime();
    endPhase(now);
    phase = name;
    phaseLayer = layer;
    phaseBegan = now;
  }

  private void endStep(long now) {
    if (!step.isEmpty()) {
      add(Lane.STEP, step, stepBegan, now, NOBODY, NOBODY, 0);
      step = "";
    }
  }

  private void endPhase(long now) {
    if (!phase.isEmpty()) {
      add(Lane.PHASE, phase, phaseBegan, now, NOBODY, phaseLayer, 0);
      phase = "";
    }
  }

  /** A hop's kernels ran from {@code beganNanos} until now. */
  public synchronized void hop(String name, long beganNanos) {
    add(Lane.HOP, name, beganNanos, System.nanoTime(), NOBODY, phaseLayer, 0);
  }

  /** A kernel call ran from {@code beganNanos} until now. */
  public synchronized void kernel(String name, long beganNanos) {
    add(Lane.KERNEL, name, beganNanos, System.nanoTime(), NOBODY, phaseLayer, 0);
  }

  /** The training thread waited from {@code beganNanos} until now. */
  synchronized void waited(String kind, int peer, long beganNanos) {
    add(Lane.WAIT, kind, beganNanos, System.nanoTime(), peer, phaseLayer, 0);
  }

  /** A transfer was in flight from its posting until now. */
  synchronized void transferred(
      boolean send, String kind, int peer, long payloadBytes, long beganNanos) {
    Lane lane = send ? Lane.SEND : Lane.RECEIVE;
    add(lane, kind, beganNanos, System.nanoTime(), peer, phaseLayer, payloadBytes);
  }

  private void add(Lane lane, String name, long began, long ended, int peer, int layer, long size) {
    if (used == lanes.length) {
      dropped++;
      return;
    }
    lanes[used] = lane;
    names[used] = name;
    begins[used] = began;
    ends[used] = ended;
    peers[used] = peer;
    layers[used] = layer;
    bytes[used] = size;
    used++;
  }

  /**
   * Writes all events, one JSON object per line without a trailing comma. Open spans end now.
   *
   * @param rank becomes the process of the trace
   */
  public synchronized void write(int rank, Appendable out) throws IOException {
    long now = System.nanoTime();
    endPhase(now);
    endStep(now);
    String lost = dropped == 0 ? "" : " (%,d later spans left out)".formatted(dropped);
    label(out, "process_name", rank, 0, "rank " + rank + lost);
    for (Lane lane : Lane.values()) {
      label(out, "thread_name", rank, lane.place, lane.label);
    }
    for (int i = 0; i < used; i++) {
      Lane lane = lanes[i];
      if (lane == Lane.SEND || lane == Lane.RECEIVE) {
        begin(out, i, 'b', begins[i], rank);
        id(out, i, rank);
        arguments(out, i);
        begin(out, i, 'e', ends[i], rank);
        id(out, i, rank);
        out.append("}\n");
      } else {
        begin(out, i, 'X', begins[i], rank);
        out.append(",\"dur\":");
        micros(out, ends[i] - begins[i]);
        arguments(out, i);
      }
    }
  }

  private static void label(Appendable out, String what, int rank, int lane, String label)
      throws IOException {
    out.append(
        "{\"name\":\"%s\",\"ph\":\"M\",\"pid\":%d,\"tid\":%d,\"args\":{\"name\":\"%s\"}}\n"
            .formatted(what, rank, lane, label));
  }

  private void begin(Appendable out, int i, char event, long at, int rank) throws IOException {
    out.append("{\"name\":\"").append(escaped(names[i]));
    out.append("\",\"cat\":\"").append(lanes[i].label);
    out.append("\",\"ph\":\"").append(event);
    out.append("\",\"pid\":").append(Integer.toString(rank));
    out.append(",\"tid\":").append(Integer.toString(lanes[i].place));
    out.append(",\"ts\":");
    micros(out, at - baseNanos);
  }

  private static void id(Appendable out, int i, int rank) throws IOException {
    out.append(",\"id\":\"").append(Integer.toString(rank)).append('.');
    out.append(Integer.toString(i)).append('"');
  }

  private void arguments(Appendable out, int i) throws IOException {
    out.append(",\"args\":{\"layer\":").append(Integer.toString(layers[i]));
    if (peers[i] != NOBODY) {
      out.append(",\"peer\":").append(Integer.toString(peers[i]));
    }
    if (lanes[i] == Lane.SEND || lanes[i] == Lane.RECEIVE) {
      out.append(",\"bytes\":").append(Long.toString(bytes[i]));
    }
    out.append("}}\n");
  }

  private static void micros(Appendable out, long nanos) throws IOException {
    out.append(nanos < 0 ? "-" : "").append(Long.toString(Math.abs(nanos) / 1000)).append('.');
    String below = Long.toString(Math.abs(nanos) % 1000);
    out.append("000", below.length(), 3).append(below);
  }

  private static String escaped(String text) {
    return text.replace("\\", "\\\\").replace("\"", "\\\"");
  }
}
