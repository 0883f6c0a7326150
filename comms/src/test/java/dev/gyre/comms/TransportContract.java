package dev.gyre.comms;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** Point-to-point behaviour that every transport has. */
public abstract class TransportContract {
  private static final Duration PATIENT = Duration.ofSeconds(30);

  /** Bytes above the eager limit: such a payload waits until its receive is posted. */
  private static final int LARGE = 300_000;

  private static final Duration SHORT = Duration.ofMillis(400);
  private static final long[] SIZES = {
    0, 1, 2, 7, 64, 1021, 65_535, Transport.EAGER_BYTES, 65_537, 300_007, 2_500_001
  };

  /** Opens a network of {@code ranks} ranks whose transfers wait no longer than the deadline. */
  protected abstract Cluster cluster(int ranks, Duration deadline) throws Exception;

  /** Each rank sends to the right and receives from the left, with two kinds of memory. */
  @Test
  void aRingPassesEverySizeOn() throws Exception {
    for (int ranks : new int[] {2, 3}) {
      for (boolean allocated : new boolean[] {true, false}) {
        try (Cluster cluster = cluster(ranks, PATIENT)) {
          cluster.run(transport -> passOn(transport, allocated));
        }
      }
    }
  }

  private static boolean passOn(Transport transport, boolean allocated) {
    int rank = transport.rank();
    int right = (rank + 1) % transport.size();
    int left = (rank + transport.size() - 1) % transport.size();
    long largest = SIZES[SIZES.length - 1];
    try (Arena arena = Arena.ofShared()) {
      MemorySegment mine =
          allocated ? transport.allocate("mine", largest) : arena.allocate(largest);
      MemorySegment theirs =
          allocated ? transport.allocate("theirs", largest) : arena.allocate(largest);
      for (int message = 0; message < SIZES.length; message++) {
        MemorySegment out = mine.asSlice(largest - SIZES[message]);
        MemorySegment in = theirs.asSlice(0, SIZES[message]);
        Payload.fill(out, rank, right, message);
        Pending receive = transport.receive(left, Channel.SEQUENCE, message, in);
        Pending send = transport.send(right, Channel.SEQUENCE, message, out);
        receive.await();
        send.await();
        assertTrue(send.poll());
        Payload.check(in, left, rank, message);
      }
    }
    return true;
  }

  /** Borrows payloads of every size, each with an ordinary message before and after it. */
  @Test
  void whatIsBorrowedCanBeReadUntilItsRelease() throws Exception {
    try (Cluster cluster = cluster(2, PATIENT)) {
      cluster.run(
          transport -> {
            int rank = transport.rank();
            long largest = SIZES[SIZES.length - 1];
            MemorySegment mine = transport.allocate("mine", largest);
            MemorySegment theirs = transport.allocate("theirs", largest);
            for (int message = 0; message < SIZES.length; message++) {
              MemorySegment out = mine.asSlice(0, SIZES[message]);
              MemorySegment in = theirs.asSlice(0, SIZES[message]);
              Payload.fill(out, rank, 1 - rank, message);
              BorrowedReceive borrowed = transport.borrow(1 - rank, Channel.SEQUENCE, message, in);
              Pending send = transport.send(1 - rank, Channel.SEQUENCE, message, out);
              borrowed.await();
              assertTrue(borrowed.poll());
              assertEquals(SIZES[message], borrowed.payload().byteSize());
              Payload.check(borrowed.payload(), 1 - rank, rank, message);
              borrowed.release();
              send.await();
              swap(transport, message);
            }
            return true;
          });
    }
  }

  private static void swap(Transport transport, int tag) {
    MemorySegment turn = transport.allocate("turn", 8);
    Pending receive = transport.receive(1 - transport.rank(), Channel.SEQUENCE, tag, turn);
    transport.send(1 - transport.rank(), Channel.SEQUENCE, tag, turn).await();
    receive.await();
  }

  @Test
  void aBorrowThatDoesNotMatchFailsOnBothSides() throws Exception {
    try (Cluster cluster = cluster(2, PATIENT)) {
      List<Cluster.Outcome<Boolean>> outcomes =
          cluster.outcomes(
              transport -> {
                MemorySegment data = transport.allocate("data", 1 << 20);
                if (transport.rank() == 0) {
                  transport.send(1, Channel.SEQUENCE, 1, data).await();
                } else {
                  transport.borrow(0, Channel.SEQUENCE, 2, data).await();
                }
                return true;
              });
      for (Cluster.Outcome<Boolean> outcome : outcomes) {
        assertInstanceOf(CommsException.class, outcome.thrown());
      }
    }
  }

  /** Many messages on all channels at once, received channel by channel, last channel first. */
  @Test
  void channelsAreIndependentAndKeepTheirOrder() throws Exception {
    int messages = 40;
    int bytes = 3000;
    try (Cluster cluster = cluster(2, PATIENT)) {
      cluster.run(
          transport -> {
            int peer = 1 - transport.rank();
            Channel[] channels = Channel.values();
            MemorySegment out =
                transport.allocate("out", (long) channels.length * messages * bytes);
            MemorySegment in = transport.allocate("in", (long) channels.length * messages * bytes);
            Pending[] sends = new Pending[channels.length * messages];
            for (Channel channel : channels) {
              for (int m = 0; m < messages; m++) {
                int i = channel.code() * messages + m;
                MemorySegment payload = out.asSlice((long) i * bytes, bytes);
                Payload.fill(payload, transport.rank(), peer, i);
                sends[i] = transport.send(peer, channel, m, payload);
              }
            }
            for (int c = channels.length - 1; c >= 0; c--) {
              for (int m = 0; m < messages; m++) {
                int i = c * messages + m;
                MemorySegment into = in.asSlice((long) i * bytes, bytes);
                transport.receive(peer, channels[c], m, into).await();
                Payload.check(into, peer, transport.rank(), i);
              }
            }
            for (Pending send : sends) {
              send.await();
            }
            return true;
          });
    }
  }

  /** A payload above the eager limit is not read before its receive is posted. */
  @Test
  void largePayloadWaitsForItsReceive() throws Exception {
    try (Cluster cluster = cluster(2, PATIENT)) {
      cluster.run(
          transport -> {
            MemorySegment data = transport.allocate("data", 1 << 20);
            MemorySegment turn = transport.allocate("turn", 8);
            if (transport.rank() == 0) {
              Pending large = transport.send(1, Channel.SEQUENCE, 1, data);
              transport.send(1, Channel.CONTROL, 1, turn).await();
              transport.receive(1, Channel.CONTROL, 2, turn).await();
              assertFalse(large.poll());
              transport.send(1, Channel.CONTROL, 3, turn).await();
              large.await();
            } else {
              transport.receive(0, Channel.CONTROL, 1, turn).await();
              transport.send(0, Channel.CONTROL, 2, turn).await();
              transport.receive(0, Channel.CONTROL, 3, turn).await();
              transport.receive(0, Channel.SEQUENCE, 1, data).await();
            }
            return true;
          });
    }
  }

  @Test
  void aReceiveCompletesByPollingToo() throws Exception {
    try (Cluster cluster = cluster(2, PATIENT)) {
      cluster.run(
          transport -> {
            int peer = 1 - transport.rank();
            MemorySegment out = transport.allocate("out", 500_000);
            MemorySegment in = transport.allocate("in", 500_000);
            Payload.fill(out, transport.rank(), peer, 0);
            Pending receive = transport.receive(peer, Channel.EXPERTS, 9, in);
            Pending send = transport.send(peer, Channel.EXPERTS, 9, out);
            long deadline = System.nanoTime() + PATIENT.toNanos();
            while (!receive.poll() || !send.poll()) {
              assertTrue(System.nanoTime() < deadline, "still polling");
              LockSupport.parkNanos(10_000);
            }
            Payload.check(in, peer, transport.rank(), 0);
            return true;
          });
    }
  }

  @Test
  void anotherTagFailsBothSides() throws Exception {
    for (long bytes : new long[] {16, 200_000}) {
      mismatch(bytes, 0xabc, bytes, 0xabd, "abc", "abd");
    }
  }

  @Test
  void anotherSizeFailsBothSides() throws Exception {
    mismatch(400_000, 5, 400_004, 5, "400000", "400004");
    mismatch(100, 5, 96, 5, "100", "96");
    mismatch(0, 5, 4, 5, "0 bytes", "4 bytes");
  }

  private void mismatch(
      long sentBytes, int sentTag, long expectedBytes, int expectedTag, String... named)
      throws Exception {
    try (Cluster cluster = cluster(2, PATIENT)) {
      List<Cluster.Outcome<Boolean>> outcomes =
          cluster.outcomes(
              transport -> {
                MemorySegment data =
                    transport.allocate("data", Math.max(8, Math.max(sentBytes, expectedBytes)));
                if (transport.rank() == 0) {
                  transport.send(1, Channel.SEQUENCE, sentTag, data.asSlice(0, sentBytes)).await();
                  // A small message may have been sent eagerly: then the next receive fails.
                  transport.receive(1, Channel.SEQUENCE, 77, data.asSlice(0, 8)).await();
                } else {
                  transport
                      .receive(0, Channel.SEQUENCE, expectedTag, data.asSlice(0, expectedBytes))
                      .await();
                }
                return true;
              });
      for (Cluster.Outcome<Boolean> outcome : outcomes) {
        CommsException failed = assertInstanceOf(CommsException.class, outcome.thrown());
        for (String name : named) {
          assertTrue(failed.getMessage().contains(name), failed.getMessage());
        }
      }
    }
  }

  /** Rank 1 never posts its receive, rank 2 never sends. */
  @Test
  void aDeadlineNamesPeerChannelCollectiveAndPhase() throws Exception {
    try (Cluster cluster = cluster(3, SHORT)) {
      List<Cluster.Outcome<Boolean>> outcomes =
          cluster.outcomes(
              transport -> {
                if (transport.rank() == 0) {
                  transport.where().step(812);
                  transport.where().layer(12);
                  transport.where().phase("ring hop 5 of 8");
                  transport.collective(Collective.RING);
                  MemorySegment data = transport.allocate("data", 1 << 20);
                  transport.receive(2, Channel.SEQUENCE, 3, data).await();
                }
                return true;
              });
      CommsException failed = assertInstanceOf(CommsException.class, outcomes.getFirst().thrown());
      assertEquals(2, failed.peer());
      for (String part :
          List.of("rank 0", "rank 2", "sequence", "ring", "step 812", "layer 12", "hop 5 of 8")) {
        assertTrue(failed.getMessage().contains(part), failed.getMessage());
      }
    }
  }

  @Test
  void aSendNobodyReceivesMeetsTheDeadline() throws Exception {
    try (Cluster cluster = cluster(2, SHORT)) {
      List<Cluster.Outcome<Boolean>> outcomes =
          cluster.outcomes(
              transport -> {
                if (transport.rank() == 0) {
                  MemorySegment data = transport.allocate("data", 1 << 20);
                  transport.send(1, Channel.GRADIENTS, 3, data).await();
                }
                return true;
              });
      CommsException failed = assertInstanceOf(CommsException.class, outcomes.getFirst().thrown());
      assertEquals(1, failed.peer());
    }
  }

  /** The waiter and later calls get the reason; after that the memory may be freed. */
  @Test
  void anAbortWakesTheWaiter() throws Exception {
    AtomicReference<Transport> waiting = new AtomicReference<>();
    try (Cluster cluster = cluster(2, PATIENT)) {
      List<Cluster.Outcome<Boolean>> outcomes =
          cluster.outcomes(
              transport -> {
                MemorySegment turn = transport.allocate("turn", 8);
                if (transport.rank() == 0) {
                  waiting.set(transport);
                  transport.send(1, Channel.CONTROL, 0, turn).await();
                  try (Arena arena = Arena.ofShared()) {
                    MemorySegment mine = arena.allocate(1 << 20);
                    Pending never = transport.receive(1, Channel.SEQUENCE, 0, mine);
                    Pending nor = transport.send(1, Channel.SEQUENCE, 0, mine);
                    assertThrows(CommsException.class, never::await);
                    assertThrows(CommsException.class, nor::poll);
                    Pending later = transport.receive(1, Channel.SEQUENCE, 0, mine);
                    throw assertThrows(CommsException.class, later::await);
                  }
                }
                transport.receive(0, Channel.CONTROL, 0, turn).await();
                waiting.get().abort("epoch 2 has begun");
                return true;
              });
      CommsException failed = assertInstanceOf(CommsException.class, outcomes.getFirst().thrown());
      assertTrue(failed.getMessage().contains("epoch 2 has begun"), failed.getMessage());
    }
  }

  /**
   * Another thread aborts during traffic and then frees the memory: an access after that would fail
   * with an error other than the abort.
   */
  @Test
  void afterAnAbortMemoryMayBeFreed() throws Exception {
    for (int round = 0; round < 5; round++) {
      long messages = 3 + 20L * round;
      try (Cluster cluster = cluster(2, PATIENT)) {
        List<Cluster.Outcome<Boolean>> outcomes =
            cluster.outcomes(transport -> trafficUntilAborted(transport, messages));
        for (Cluster.Outcome<Boolean> outcome : outcomes) {
          CommsException failed = assertInstanceOf(CommsException.class, outcome.thrown());
          assertTrue(failed.getMessage().contains("enough"), failed.getMessage());
        }
      }
    }
  }

  private static Boolean trafficUntilAborted(Transport transport, long messages) throws Exception {
    int peer = 1 - transport.rank();
    Arena arena = Arena.ofShared();
    MemorySegment out = arena.allocate(700_000);
    MemorySegment in = arena.allocate(700_000);
    AtomicLong done = new AtomicLong();
    FutureTask<Boolean> abort =
        new FutureTask<>(
            () -> {
              while (done.get() < messages) {
                LockSupport.parkNanos(20_000);
              }
              transport.abort("enough");
              arena.close();
              return true;
            });
    if (transport.rank() == 0) {
      Thread.ofPlatform().daemon().start(abort);
    }
    while (true) {
      Pending receive = transport.receive(peer, Channel.SEQUENCE, 0, in);
      Pending send = transport.send(peer, Channel.SEQUENCE, 0, out);
      try {
        receive.await();
        send.await();
      } catch (CommsException failed) {
        if (transport.rank() == 0) {
          abort.get();
        }
        throw failed;
      }
      done.incrementAndGet();
    }
  }

  /** Before the first receive is posted, far more is sent than any log or slot can hold. */
  @Test
  void sendersAreHeldBackWithoutHarm() throws Exception {
    int messages = 60;
    int bytes = 60_000;
    CountDownLatch sent = new CountDownLatch(1);
    try (Cluster cluster = cluster(2, PATIENT)) {
      cluster.run(
          transport -> {
            Channel[] channels = Channel.values();
            MemorySegment data = transport.allocate("data", (long) messages * bytes);
            if (transport.rank() == 0) {
              Payload.fill(data, 0, 1, 0);
              List<Pending> sends = new ArrayList<>();
              for (int m = 0; m < messages; m++) {
                MemorySegment payload = data.asSlice((long) m * bytes, bytes);
                sends.add(transport.send(1, channels[m % 4], m, payload));
              }
              sent.countDown();
              sends.forEach(Pending::await);
            } else {
              assertTrue(sent.await(PATIENT.toSeconds(), TimeUnit.SECONDS));
              for (int m = 0; m < messages; m++) {
                MemorySegment into = data.asSlice((long) m * bytes, bytes);
                transport.receive(0, channels[m % 4], m, into).await();
              }
              Payload.check(data, 0, 1, 0);
            }
            return true;
          });
    }
  }

  @Test
  void countersCountPayloadByKind() throws Exception {
    try (Cluster cluster = cluster(2, PATIENT)) {
      List<Counters> counters =
          cluster.run(
              transport -> {
                int peer = 1 - transport.rank();
                MemorySegment out = transport.allocate("out", 100_000);
                MemorySegment in = transport.allocate("in", 100_000);
                for (long bytes : new long[] {0, 10, 100_000}) {
                  transport.collective(bytes == 10 ? Collective.STATE : Collective.MOVE);
                  Pending receive =
                      transport.receive(peer, Channel.SEQUENCE, 1, in.asSlice(0, bytes));
                  transport.send(peer, Channel.SEQUENCE, 1, out.asSlice(0, bytes)).await();
                  receive.await();
                }
                return transport.counters();
              });
      for (Counters counted : counters) {
        assertEquals(10, counted.bytesSent().get("state"));
        assertEquals(100_000, counted.bytesSent().get("move"));
        assertEquals(2, counted.bytesSent().size());
      }
    }
  }

  @Test
  void countersCountTheTimeOfAWaitThatSlept() throws Exception {
    AtomicReference<Progress> waiter = new AtomicReference<>();
    try (Cluster cluster = cluster(2, PATIENT)) {
      List<Counters> counters =
          cluster.run(
              transport -> {
                MemorySegment turn = transport.allocate("turn", 8);
                if (transport.rank() == 0) {
                  waiter.set(transport.where());
                  transport.receive(1, Channel.CONTROL, 0, turn).await();
                } else {
                  // A rank that sleeps has published which rank it waits for.
                  Progress other = waiter.get();
                  while (other == null || other.waitingFor() != 1) {
                    LockSupport.parkNanos(10_000);
                    other = waiter.get();
                  }
                  transport.send(0, Channel.CONTROL, 0, turn).await();
                }
                return transport.counters();
              });
      Counters waited = counters.getFirst();
      assertTrue(waited.waitNanos() >= 3_000, waited.toString()); // it spins that long first
      assertTrue(waited.waitCpuNanos() > 0, waited.toString());
      assertTrue(waited.transferNanos() >= waited.waitNanos(), waited.toString());
    }
  }

  /** The training threads make no calls until the payload arrives, so another thread moved it. */
  @Test
  void transfersMoveWhileTheTrainingThreadsCompute() throws Exception {
    try (Cluster cluster = cluster(2, PATIENT)) {
      cluster.run(
          transport -> {
            int peer = 1 - transport.rank();
            MemorySegment out = transport.allocate("out", LARGE);
            MemorySegment in = transport.allocate("in", LARGE);
            for (int round = 0; round < 3; round++) {
              out.fill((byte) (10 * transport.rank() + round + 1));
              Transfer receive = (Transfer) transport.receive(peer, Channel.SEQUENCE, round, in);
              Transfer send = (Transfer) transport.send(peer, Channel.SEQUENCE, round, out);
              transport.computing(true);
              awaitSettled(receive);
              awaitSettled(send);
              transport.computing(false);
              receive.await();
              send.await();
              for (long at = 0; at < LARGE; at++) {
                assertEquals(10 * peer + round + 1, in.get(ValueLayout.JAVA_BYTE, at));
              }
            }
            return true;
          });
    }
  }

  private static void awaitSettled(Transfer transfer) {
    long deadline = System.nanoTime() + PATIENT.toNanos();
    while (!transfer.isSettled()) {
      assertTrue(System.nanoTime() < deadline, () -> "no progress: " + transfer.describe());
      LockSupport.parkNanos(100_000);
    }
  }

  /** If a peer aborts while both ranks compute, the next await reports it. */
  @Test
  void aPeerThatAbortsUnderComputeIsNamed() throws Exception {
    try (Cluster cluster = cluster(2, PATIENT)) {
      List<Cluster.Outcome<Boolean>> outcomes =
          cluster.outcomes(
              transport -> {
                MemorySegment in = transport.allocate("in", LARGE);
                if (transport.rank() == 0) {
                  Transfer receive = (Transfer) transport.receive(1, Channel.SEQUENCE, 0, in);
                  transport.computing(true);
                  awaitSettled(receive);
                  transport.computing(false);
                  receive.await();
                } else {
                  transport.abort("enough");
                }
                return true;
              });
      Throwable thrown = outcomes.getFirst().thrown();
      CommsException failed = assertInstanceOf(CommsException.class, thrown);
      assertEquals(1, failed.peer());
      assertTrue(failed.getMessage().contains("enough"), failed.getMessage());
    }
  }

  @Test
  void memoryOfOneThreadIsRefused() throws Exception {
    try (Cluster cluster = cluster(2, PATIENT)) {
      cluster.run(
          transport -> {
            try (Arena arena = Arena.ofConfined()) {
              MemorySegment mine = arena.allocate(8);
              assertThrows(
                  IllegalArgumentException.class,
                  () -> transport.send(1 - transport.rank(), Channel.CONTROL, 0, mine));
            }
            return true;
          });
    }
  }

  @Test
  void allocatedMemoryIsZeroedAndWritable() throws Exception {
    try (Cluster cluster = cluster(1, PATIENT)) {
      cluster.run(
          transport -> {
            MemorySegment memory = transport.allocate("slab", 12_345);
            assertEquals(12_345, memory.byteSize());
            for (long i = 0; i < memory.byteSize(); i++) {
              assertEquals(0, memory.get(ValueLayout.JAVA_BYTE, i));
              memory.set(ValueLayout.JAVA_BYTE, i, (byte) 1);
            }
            assertEquals(0, memory.address() % 64);
            return true;
          });
    }
  }

  @Test
  void aPeerThatIsNotThereIsRefused() throws Exception {
    try (Cluster cluster = cluster(2, PATIENT)) {
      cluster.run(
          transport -> {
            MemorySegment memory = transport.allocate("slab", 8);
            for (int peer : new int[] {-1, 2, transport.rank()}) {
              assertThrows(
                  IllegalArgumentException.class,
                  () -> transport.send(peer, Channel.CONTROL, 0, memory));
              assertThrows(
                  IllegalArgumentException.class,
                  () -> transport.receive(peer, Channel.CONTROL, 0, memory));
            }
            return true;
          });
    }
  }
}
