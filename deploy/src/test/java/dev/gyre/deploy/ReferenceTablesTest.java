package dev.gyre.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.bench.BalanceResult;
import dev.gyre.deploy.bench.BenchResult;
import dev.gyre.deploy.bench.CollectiveResult;
import dev.gyre.deploy.bench.KernelResult;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.RouterSpec;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.trainer.json.SpecJson;
import dev.gyre.trainer.step.EvalMetrics;
import dev.gyre.trainer.step.StepMetrics;
import java.io.IOException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.ObjectMapper;

/** Tables of formats in docs/reference list exactly the fields that are written. */
final class ReferenceTablesTest {
  record Format(Class<? extends Record> type, String page, String heading) {}

  static Stream<Format> formats() {
    return Stream.of(
        new Format(BenchResult.class, "docs/reference/bench.md", "## bench train"),
        new Format(CollectiveResult.class, "docs/reference/bench.md", "## bench collectives"),
        new Format(BalanceResult.class, "docs/reference/bench.md", "## bench balance"),
        new Format(KernelResult.class, "docs/reference/bench.md", "## bench kernels"));
  }

  @ParameterizedTest
  @MethodSource("formats")
  void everyKeyOfABenchmark(Format format) throws IOException {
    assertSame(names(format.type()), DocPages.firstColumn(format.page(), format.heading()));
  }

  @Test
  void everyMetric() throws IOException {
    List<String> documented = DocPages.firstColumn("docs/reference/metrics.md", "### Step");
    List<String> keys = new ArrayList<>(names(StepMetrics.class));
    keys.remove("losses"); // each of them has a key of its own
    new RouterSpec.TopK(1).lossTerms().forEach(term -> keys.add(StepMetrics.lossKey(term)));
    assertSame(keys, documented);
    documented = DocPages.firstColumn("docs/reference/metrics.md", "### Evaluation");
    assertSame(names(EvalMetrics.class), documented);
  }

  @Test
  void everyFieldOfThePlan() throws IOException {
    List<String> fields = new ArrayList<>();
    collect(Plan.class, "", fields);
    assertSame(fields, DocPages.firstColumn("docs/reference/plan.md", "# plan.json"));
  }

  /** Collects the components of nested records too, with {@code []} after the name of a list. */
  private static void collect(Class<?> type, String prefix, List<String> into) {
    for (RecordComponent component : type.getRecordComponents()) {
      String name = prefix + name(component);
      if (component.getType() == Mesh.class) {
        new ObjectMapper()
            .readTree(SpecJson.write(new Mesh(1, 1, 1, 1)))
            .propertyNames()
            .forEach(axis -> into.add(name + "." + axis));
      } else if (component.getType().isRecord()) {
        collect(component.getType(), name + ".", into);
      } else if (component.getGenericType() instanceof ParameterizedType list
          && list.getActualTypeArguments()[0] instanceof Class<?> element
          && element.isRecord()) {
        collect(element, name + "[].", into);
      } else {
        into.add(name);
      }
    }
  }

  private static List<String> names(Class<? extends Record> type) {
    return Stream.of(type.getRecordComponents()).map(ReferenceTablesTest::name).toList();
  }

  private static String name(RecordComponent component) {
    JsonProperty json = component.getAccessor().getAnnotation(JsonProperty.class);
    return json == null ? component.getName() : json.value();
  }

  @Test
  void everyExitCode() throws IOException {
    Pattern row = Pattern.compile("(?m)^\\| (\\d+) \\| `([A-Z_]+)` \\|");
    List<String> documented = new ArrayList<>();
    Matcher rows = row.matcher(DocPages.read("docs/reference/exit-codes.md"));
    while (rows.find()) {
      documented.add(rows.group(2) + " " + rows.group(1));
    }
    assertSame(
        Stream.of(ExitCode.values()).map(code -> code + " " + code.code()).toList(), documented);
  }

  private static void assertSame(List<String> written, List<String> documented) {
    assertEquals(
        String.join("\n", new TreeSet<>(written)), String.join("\n", new TreeSet<>(documented)));
  }
}
