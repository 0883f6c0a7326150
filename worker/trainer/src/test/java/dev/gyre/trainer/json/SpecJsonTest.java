package dev.gyre.trainer.json;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.check.NumberRange;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SpecJsonTest {
  record SampleText(long step, double loss, String name) {}

  @Test
  void readsWhatItWrote() {
    SampleText sample = new SampleText(3, 0.1, "a");
    assertEquals(sample, SpecJson.read(SpecJson.write(sample), SampleText.class, "a test"));
    assertEquals("{\"step\":3,\"loss\":0.1,\"name\":\"a\"}", SpecJson.line(sample));
  }

  @Test
  void whatIsNotFiniteIsNullAndComesBackAsNotANumber() {
    String json = SpecJson.line(new SampleText(3, Double.POSITIVE_INFINITY, "a"));
    assertEquals("{\"step\":3,\"loss\":null,\"name\":\"a\"}", json);
    assertTrue(Double.isNaN(SpecJson.read(json, SampleText.class, "a test").loss()));
  }

  @Test
  void whatDoesNotFitIsRefusedByName() {
    for (String json :
        new String[] {"{\"step\":3}", "{\"step\":3,\"loss\":1,\"name\":\"a\",\"x\":1}", "["}) {
      IllegalArgumentException e =
          assertThrows(
              IllegalArgumentException.class,
              () -> SpecJson.read(json, SampleText.class, "a.json"));
      assertTrue(e.getMessage().startsWith("a.json is not a valid SampleText: "), e.getMessage());
    }
  }

  record Outer(List<Inner> items) {}

  record Inner(int count, double share) {
    Inner {
      NumberRange.whole(1, 9).require("count", count);
      NumberRange.share(0, 1).require("share", share);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '^',
      value = {
        "10    | 0.5   | items[0]: count: 10 must be from 1 to 9",
        "1     | null  | items[0]: share: NaN must be from 0 to 100%",
        "1     | 1.5   | items[0]: share: 1.5 must be from 0 to 100%",
        "1.5   | 0.5   | items[0].count: ",
        "1e400 | 0.5   | items[0].count: ",
        "'1'   | 0.5   | items[0].count: ",
        "3000000000 | 0.5 | items[0].count: ",
        "1     | 1e400 | items[0].share: 1e400 is beyond 64-bit floats",
        "1     | 'NaN' | items[0].share: ",
        "1     | 'x'   | items[0].share: ",
      })
  void numbersAreRefusedByFieldAndRange(String count, String share, String problem) {
    String json =
        "{\"items\":[{\"count\":%s,\"share\":%s}]}".formatted(count, share).replace('\'', '"');
    SpecException e =
        assertThrows(SpecException.class, () -> SpecJson.read(json, Outer.class, "a.json"));
    assertTrue(
        e.getMessage().startsWith("a.json is not a valid Outer: " + problem), e.getMessage());
  }

  @Test
  void aKeyThatIsThereTwiceAndTextAfterTheEndAreRefused() {
    for (String json : List.of("{\"items\":[],\"items\":[]}", "{\"items\":[]} {}")) {
      assertThrows(SpecException.class, () -> SpecJson.read(json, Outer.class, "a.json"));
    }
  }
}
