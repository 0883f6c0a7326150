package dev.gyre.comms.aeron;

import dev.gyre.comms.AwakeClock;
import dev.gyre.comms.CommsException;
import dev.gyre.comms.Progress;
import io.aeron.Aeron;
import io.aeron.CncFileDescriptor;
import io.aeron.ExclusivePublication;
import io.aeron.Subscription;
import io.aeron.exceptions.AeronException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.agrona.ErrorHandler;
import org.jspecify.annotations.Nullable;

/**
 * Joins a run: connects to the driver, opens the logs, and waits for all peers, with one deadline
 * for all.
 */
final class Rendezvous {
  private static final long PARK_NANOS = 200_000;

  private final AeronOptions options;
  private final Channels channels;
  private final Progress where;
  private final AeronClocks clocks;
  private final AwakeClock awake;
  private final long deadline;

  Rendezvous(AeronOptions options, Channels channels, Progress where, AeronClocks clocks) {
    this.options = options;
    this.channels = channels;
    this.where = where;
    this.clocks = clocks;
    awake = new AwakeClock(clocks.nanos()::nanoTime);
    deadline = awake.nanos() + options.deadlineNanos();
  }

  Aeron connect(ErrorHandler errors) {
    Path folder = RunMediaDriver.driverFolder(options.folder());
    await(
        () -> Files.exists(folder.resolve(CncFileDescriptor.CNC_FILE)) ? this : null,
        () -> "no media driver runs in " + options.folder() + ": is the run's launcher alive?");
    return Aeron.connect(
        new Aeron.Context()
            .aeronDirectoryName(folder.toString())
            .epochClock(clocks.millis())
            .nanoClock(clocks.nanos())
            .useConductorAgentInvoker(true)
            .driverTimeoutMs(TimeUnit.NANOSECONDS.toMillis(RunMediaDriver.LIVENESS_NANOS))
            .clientName("gyre-rank-" + options.rank())
            .errorHandler(errors));
  }

  /** Opens both logs of every pair with this rank; null at this rank's own index. */
  List<PeerLink> open(Aeron aeron, Slabs slabs, RankFutexes futexes) {
    int self = options.rank();
    long[] publications = new long[options.size()];
    long[] subscriptions = new long[options.size()];
    Identity identity = Identity.of(options);
    SlabCopy copier = new SlabCopy(options.size());
    for (int peer = 0; peer < options.size(); peer++) {
      if (peer != self) {
        subscriptions[peer] =
            aeron.asyncAddSubscription(channels.subscription(), channels.stream(peer, self));
        publications[peer] =
            aeron.asyncAddExclusivePublication(
                channels.publication(peer), channels.stream(self, peer));
      }
    }
    List<PeerLink> links = new ArrayList<>();
    for (int peer = 0; peer < options.size(); peer++) {
      if (peer != self) {
        long subscriptionId = subscriptions[peer];
        long publicationId = publications[peer];
        Subscription subscription =
            opened(
                aeron, peer, channels.subscription(), () -> aeron.getSubscription(subscriptionId));
        ExclusivePublication publication =
            opened(
                aeron,
                peer,
                channels.publication(peer),
                () -> aeron.getExclusivePublication(publicationId));
        LogWriter writer = new LogWriter(publication, identity, where);
        links.add(
            new PeerLink(
                self,
                peer,
                identity,
                writer,
                subscription,
                slabs,
                copier,
                futexes,
                !options.isUdp()));
      }
    }
    return links;
  }

  private <T> T opened(Aeron aeron, int peer, String uri, Supplier<@Nullable T> log) {
    try {
      return await(
          () -> {
            aeron.conductorAgentInvoker().invoke();
            return log.get();
          },
          () -> "the media driver did not open " + uri + " in time: is the run's launcher alive?");
    } catch (AeronException failed) {
      throw new CommsException(
          peer,
          "rank %d cannot open %s: %s (a port in use, or too little shared memory in %s?)"
              .formatted(options.rank(), uri, failed.getMessage(), options.folder()));
    }
  }

  /** Waits until every peer has joined. */
  void join(Aeron aeron, List<PeerLink> links) {
    for (PeerLink link : links) {
      link.greet();
    }
    await(
        () -> {
          aeron.conductorAgentInvoker().invoke();
          boolean joined = true;
          for (PeerLink link : links) {
            link.work();
            joined &= link.isJoined();
          }
          return joined ? this : null;
        },
        () -> missing(links));
  }

  private String missing(List<PeerLink> links) {
    StringBuilder ranks = new StringBuilder();
    long refused = 0;
    for (PeerLink link : links) {
      if (!link.isJoined()) {
        ranks.append(ranks.isEmpty() ? "rank " : ", rank ").append(link.peer());
        refused += link.refused();
      }
    }
    return "rank %d waits for %s to join run '%s', epoch %d; not there after %.1f s%s"
        .formatted(
            options.rank(),
            ranks,
            options.run(),
            options.epoch(),
            options.deadlineNanos() / 1e9,
            refused == 0 ? "" : " (" + refused + " messages of another run or epoch were refused)");
  }

  private <T> T await(Supplier<@Nullable T> condition, Supplier<String> overdue) {
    T value = condition.get();
    while (value == null) {
      if (awake.nanos() - deadline >= 0) {
        throw new CommsException(-1, overdue.get());
      }
      LockSupport.parkNanos(this, PARK_NANOS);
      value = condition.get();
    }
    return value;
  }
}
