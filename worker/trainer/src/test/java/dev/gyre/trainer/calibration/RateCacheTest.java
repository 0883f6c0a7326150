package dev.gyre.trainer.calibration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class RateCacheTest {
  private static final Machine HERE =
      new Machine("Some CPU", 2, "25", "0.1", "vector", "Java", "AVX2", "f32", 1);

  @TempDir Path folder;

  private static KernelRates rates(long linear, long rope, long copy) {
    return new KernelRates(Map.of("linear", linear, "rope", rope), copy);
  }

  @Test
  void whatWasMeasuredIsFoundAgain() {
    RateCache cache = new RateCache(folder.resolve("made/when/needed"));
    assertEquals(KernelRates.NONE, cache.find(HERE));
    KernelRates kept = cache.add(HERE, rates(100, 200, 300));
    assertEquals(rates(100, 200, 300), kept);
    assertEquals(kept, new RateCache(folder.resolve("made/when/needed")).find(HERE));
  }

  @Test
  void theBestCountsAndNoiseDoesNot() {
    RateCache cache = new RateCache(folder);
    cache.add(HERE, rates(1000, 2000, 3000));
    assertEquals(rates(1000, 2500, 3000), cache.add(HERE, rates(1010, 2500, 100)));
  }

  @Test
  void whatIsForgottenMayBeWorse() {
    RateCache cache = new RateCache(folder);
    cache.forget(HERE);
    cache.add(HERE, rates(1000, 2000, 3000));
    cache.forget(HERE);
    assertEquals(KernelRates.NONE, cache.find(HERE));
    assertEquals(rates(1, 2, 3), cache.add(HERE, rates(1, 2, 3)));
  }

  @Test
  void ratesOfAnythingElseSayNothing() {
    RateCache cache = new RateCache(folder);
    cache.add(HERE, rates(1, 2, 3));
    Stream.of(
            new Machine("Other CPU", 2, "25", "0.1", "vector", "Java", "AVX2", "f32", 1),
            new Machine("Some CPU", 4, "25", "0.1", "vector", "Java", "AVX2", "f32", 1),
            new Machine("Some CPU", 2, "26", "0.1", "vector", "Java", "AVX2", "f32", 1),
            new Machine("Some CPU", 2, "25", "0.2", "vector", "Java", "AVX2", "f32", 1),
            new Machine("Some CPU", 2, "25", "0.1", "onednn", "Java", "AVX2", "f32", 1),
            new Machine("Some CPU", 2, "25", "0.1", "vector", "Java", "AVX2", "bf16", 1),
            new Machine("Some CPU", 2, "25", "0.1", "vector", "Java", "AVX2", "f32", 2))
        .forEach(other -> assertEquals(KernelRates.NONE, cache.find(other), other::toString));
  }

  @Test
  void whatCannotBeReadIsMeasuredAgain() throws IOException {
    RateCache cache = new RateCache(folder);
    cache.add(HERE, rates(1, 2, 3));
    Files.writeString(cache.file(HERE), "{\"machine\":");
    assertEquals(KernelRates.NONE, cache.find(HERE));
    assertEquals(rates(4, 5, 6), cache.add(HERE, rates(4, 5, 6)));
    assertEquals(rates(4, 5, 6), cache.find(HERE));
  }

  @ParameterizedTest
  @ValueSource(strings = {"-1", "9223372036854775807", "1e30", "1.5", "\"1\"", "null"})
  void aRateThatCannotBeIsMeasuredAgain(String rate) throws IOException {
    RateCache cache = new RateCache(folder);
    cache.add(HERE, rates(1, 2, 333));
    String json = Files.readString(cache.file(HERE));
    assertTrue(json.contains("333"), json);
    Files.writeString(cache.file(HERE), json.replace("333", rate));
    assertEquals(KernelRates.NONE, cache.find(HERE));
  }

  @Test
  void aFolderThatCannotBeWrittenIsNoError() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "");
    RateCache cache = new RateCache(file.resolve("rates"));
    assertEquals(rates(1, 2, 3), cache.add(HERE, rates(1, 2, 3)));
    assertEquals(KernelRates.NONE, cache.find(HERE));
    assertTrue(Files.isRegularFile(file));
  }
}
