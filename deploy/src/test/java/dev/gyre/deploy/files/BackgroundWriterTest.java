package dev.gyre.deploy.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class BackgroundWriterTest {
  private static final int CAPACITY = 10;

  private final List<Integer> written = Collections.synchronizedList(new ArrayList<>());
  private final List<String> failures = Collections.synchronizedList(new ArrayList<>());
  private final CountDownLatch blocked = new CountDownLatch(1);

  private BackgroundWriter writer() {
    return new BackgroundWriter(
        "test", CAPACITY, Duration.ofSeconds(20), e -> failures.add(e.getMessage()));
  }

  private void block(BackgroundWriter writer) throws Exception {
    CountDownLatch entered = new CountDownLatch(1);
    writer.put(
        () -> {
          entered.countDown();
          try {
            blocked.await();
          } catch (InterruptedException e) {
            throw new IOException(e);
          }
        });
    assertTrue(entered.await(20, TimeUnit.SECONDS));
  }

  @Test
  void whatIsOfferedWhileItIsBlockedNeverWaits() throws Exception {
    try (BackgroundWriter writer = writer()) {
      block(writer);
      long taken = IntStream.range(0, 1000).filter(i -> writer.offer(() -> written.add(i))).count();
      assertEquals(CAPACITY, taken);
      assertFalse(writer.flush(Duration.ofMillis(200)));
      blocked.countDown();
      assertTrue(writer.flush(Duration.ofSeconds(20)));
      assertEquals(IntStream.range(0, CAPACITY).boxed().toList(), written);
    }
  }

  @Test
  void whatIsPutWaitsForRoomAndIsAllWrittenInOrder() throws Exception {
    try (BackgroundWriter writer = writer()) {
      block(writer);
      CompletableFuture<Void> producer =
          CompletableFuture.runAsync(
              () -> {
                try {
                  for (int i = 0; i < 1000; i++) {
                    int number = i;
                    writer.put(() -> written.add(number));
                  }
                } catch (InterruptedException e) {
                  throw new IllegalStateException(e);
                }
              });
      assertFalse(writer.flush(Duration.ofMillis(300)));
      assertFalse(producer.isDone());
      blocked.countDown();
      producer.get(20, TimeUnit.SECONDS);
    }
    assertEquals(IntStream.range(0, 1000).boxed().toList(), written);
  }

  @Test
  void afterAFailureNothingIsWrittenAndNobodyWaits() throws Exception {
    try (BackgroundWriter writer = writer()) {
      for (int i = 0; i < 3; i++) {
        int number = i;
        writer.put(
            () -> {
              if (number == 1) {
                throw new IOException("full");
              }
              written.add(number);
            });
      }
      for (int i = 0; i < 100; i++) {
        writer.put(() -> written.add(7));
      }
      assertTrue(writer.flush(Duration.ofSeconds(20)));
    }
    assertEquals(List.of(0), written);
    assertEquals(List.of("full"), failures);
  }
}
