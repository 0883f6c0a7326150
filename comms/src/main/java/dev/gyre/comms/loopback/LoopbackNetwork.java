package dev.gyre.comms.loopback;

import dev.gyre.comms.Channel;
import dev.gyre.comms.Transport;
import dev.gyre.comms.TransportLimits;

/**
 * Ranks as threads of one JVM. A message is copied once, directly from the sender's memory to the
 * receiver's, by the later of the two. Faults may be set from any thread at any time.
 */
public final class LoopbackNetwork implements AutoCloseable {
  /**
   * Behaviour of the network.
   *
   * @param deadlineNanos longest wait for one transfer
   * @param neverBuffer small messages also wait for their posted receive
   * @param seed of the delays
   * @param maxDelayNanos each message is delivered after a uniform random delay from zero to this
   * @param bytesPerSecond bandwidth of every ordered pair; 0 for no limit
   * @param reorderChannels channels of a pair may overtake each other; otherwise messages of a pair
   *     are delivered in the order they were sent
   */
  public record Options(
      long deadlineNanos,
      boolean neverBuffer,
      long seed,
      long maxDelayNanos,
      long bytesPerSecond,
      boolean reorderChannels) {
    public Options {
      if (deadlineNanos < 1 || maxDelayNanos < 0 || bytesPerSecond < 0) {
        throw new IllegalArgumentException(
            "deadline %d ns, delay %d ns and bandwidth %d B/s: the first must be positive, none negative"
                .formatted(deadlineNanos, maxDelayNanos, bytesPerSecond));
      }
    }

    /** Buffers small messages, adds no delay, and waits at most 30 s. */
    public static Options plain() {
      return new Options(30_000_000_000L, false, 0, 0, 0, false);
    }

    public Options withDeadlineNanos(long nanos) {
      return new Options(nanos, neverBuffer, seed, maxDelayNanos, bytesPerSecond, reorderChannels);
    }

    public Options withNeverBuffer() {
      return new Options(deadlineNanos, true, seed, maxDelayNanos, bytesPerSecond, reorderChannels);
    }

    /** Delays every message by up to {@code nanos}; channels may overtake each other. */
    public Options withDelay(long newSeed, long nanos) {
      return new Options(deadlineNanos, neverBuffer, newSeed, nanos, bytesPerSecond, true);
    }

    public Options withBytesPerSecond(long bandwidth) {
      return new Options(
          deadlineNanos, neverBuffer, seed, maxDelayNanos, bandwidth, reorderChannels);
    }
  }

  private static final int CHANNELS = Channel.values().length;

  /** All links are in one array. */
  public static final TransportLimits LIMITS =
      new TransportLimits("loopback", (int) Math.sqrt((double) Integer.MAX_VALUE / CHANNELS), true);

  private final LoopbackTransport[] transports;
  private final Link[] links;
  private final Faults faults;

  public LoopbackNetwork(int ranks, Options options) {
    LIMITS.requireRanks(ranks);
    transports = new LoopbackTransport[ranks];
    links = new Link[ranks * ranks * CHANNELS];
    faults = new Faults(ranks);
    for (int from = 0; from < ranks; from++) {
      for (int to = 0; to < ranks; to++) {
        Line line = new Line(options, from, to);
        for (Channel channel : Channel.values()) {
          links[index(from, to, channel)] = new Link(from, to, channel, options, line, faults);
        }
      }
    }
    for (int rank = 0; rank < ranks; rank++) {
      transports[rank] = new LoopbackTransport(rank, ranks, options.deadlineNanos(), this);
    }
    for (Link link : links) {
      link.join(transports[link.from()], transports[link.to()]);
    }
  }

  private int index(int from, int to, Channel channel) {
    return (from * transports.length + to) * CHANNELS + channel.code();
  }

  Link link(int from, int to, Channel channel) {
    return links[index(from, to, channel)];
  }

  /** The transport of a run of one rank. */
  public static Transport alone() {
    return new LoopbackNetwork(1, Options.plain()).transport(0);
  }

  /** The transport of one rank; the same one on every call. */
  public Transport transport(int rank) {
    return transports[rank];
  }

  /** Kills the rank: its own calls fail, and its peers' transfers with it fail immediately. */
  public void kill(int rank) {
    cut(rank, "rank " + rank + " is gone");
  }

  /** Messages from and to the rank are no longer delivered; no peer is notified. */
  public void silence(int rank) {
    faults.silence(rank);
  }

  /** Messages of the rank are delivered this much later. */
  public void late(int rank, long nanos) {
    faults.late(rank, nanos);
    for (LoopbackTransport transport : transports) {
      transport.wakeUp();
    }
  }

  void cut(int rank, String reason) {
    for (Link link : links) {
      if (link.from() == rank || link.to() == rank) {
        link.cut(reason);
      }
    }
  }

  /** The rank closes; its buffered messages can still be received. */
  void leave(int rank) {
    String reason = "rank " + rank + " has closed its transport";
    for (Link link : links) {
      if (link.to() == rank) {
        link.cut(reason);
      } else if (link.from() == rank) {
        link.endOfSends(reason);
      }
    }
  }

  @Override
  public void close() {
    for (LoopbackTransport transport : transports) {
      transport.close();
    }
  }
}
