package dev.gyre.integration;

import static com.tngtech.archunit.lang.conditions.ArchConditions.haveRawType;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noFields;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import dev.gyre.kernels.CheckedKernels;
import dev.gyre.kernels.Kernels;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.time.Clock;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZonedDateTime;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.agrona.concurrent.SystemEpochClock;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;

/** Modules depend in one direction only, and some libraries are used in a few packages only. */
@TestInstance(Lifecycle.PER_CLASS)
final class ArchitectureTest {
  /** Every module and the modules it may depend on; k8s is left out until it has classes. */
  private static final Map<String, List<String>> MAY_KNOW =
      Map.ofEntries(
          Map.entry("partitioning", List.of()),
          Map.entry("comms", List.of()),
          Map.entry("kernels", List.of()),
          Map.entry("kernels-vector", List.of("kernels")),
          Map.entry("kernels-onednn", List.of("kernels", "kernels-vector")),
          Map.entry("kernels-torch", List.of("kernels")),
          Map.entry("model", List.of("kernels", "partitioning")),
          Map.entry("trainer", List.of("model", "kernels", "partitioning", "comms")),
          Map.entry("coordinator", List.of("comms")),
          Map.entry(
              "deploy",
              List.of("coordinator", "trainer", "model", "kernels", "partitioning", "comms")));

  private static final String GENERATED = "dev.gyre.comms.control..";

  private JavaClasses classes;

  @BeforeAll
  void read() {
    classes =
        new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .withImportOption(location -> !location.contains("/test-classes/"))
            .importPackages("dev.gyre");
    assertFalse(classes.isEmpty());
  }

  private static String[] packages(String module) {
    return switch (module) {
      case "kernels" ->
          new String[] {
            "dev.gyre.kernels", "dev.gyre.kernels.scalar..", "dev.gyre.kernels.workload.."
          };
      case "kernels-vector" -> new String[] {"dev.gyre.kernels.vector.."};
      case "kernels-torch" -> new String[] {"dev.gyre.kernels.torch.."};
      case "kernels-onednn" -> new String[] {"dev.gyre.kernels.onednn.."};
      default -> new String[] {"dev.gyre." + module + ".."};
    };
  }

  @Test
  void modulesKnowOnlyWhomTheyMay() {
    var architecture = layeredArchitecture().consideringOnlyDependenciesInLayers();
    for (String module : MAY_KNOW.keySet()) {
      // Without -Ptorch this module's classes are missing.
      architecture =
          module.equals("kernels-torch")
              ? architecture.optionalLayer(module).definedBy(packages(module))
              : architecture.layer(module).definedBy(packages(module));
    }
    for (Map.Entry<String, List<String>> module : MAY_KNOW.entrySet()) {
      var layer = architecture.whereLayer(module.getKey());
      architecture =
          module.getValue().isEmpty()
              ? layer.mayNotAccessAnyLayer()
              : layer.mayOnlyAccessLayers(module.getValue().toArray(String[]::new));
    }
    architecture.ensureAllClassesAreContainedInArchitecture().check(classes);
  }

  @Test
  void packagesOfOneModuleFormNoCircles() {
    slices().matching("dev.gyre.(**)").should().beFreeOfCycles().check(classes);
  }

  /** Otherwise a backend could compute with arguments that were not checked. */
  @Test
  void everyBackendsKernelsAreChecked() {
    classes().that().implement(Kernels.class).should().be(CheckedKernels.class).check(classes);
  }

  @Test
  void onlyTheVectorBackendKnowsTheVectorApi() {
    onlyIn("jdk.incubator.vector..", "dev.gyre.kernels.vector..");
  }

  @Test
  void onlyTheAeronTransportKnowsAeron() {
    onlyIn("io.aeron..", "dev.gyre.comms.aeron..");
    onlyIn("org.agrona..", "dev.gyre.comms.aeron..");
  }

  @Test
  void onlyTheTorchBackendKnowsLibtorch() {
    assumeTrue(
        classes.containPackage("dev.gyre.kernels.torch"), "built without -Ptorch: nothing to test");
    onlyIn("org.bytedeco..", "dev.gyre.kernels.torch..");
  }

  @Test
  void onlyTheControlPlaneKnowsGrpc() {
    onlyIn("io.grpc..", GENERATED, "dev.gyre.coordinator..", "dev.gyre.trainer.control..");
  }

  @Test
  void onlyTheCommandKnowsItsLibraries() {
    onlyIn("picocli..", "dev.gyre.deploy..");
    onlyIn("org.snakeyaml..", "dev.gyre.deploy.job..");
  }

  @Test
  void onlyBindingsCallNativeCode() {
    noClasses()
        .that()
        .resideOutsideOfPackages(
            "dev.gyre.kernels.onednn.binding..",
            "dev.gyre.kernels.torch..",
            "dev.gyre.comms.linux..",
            "dev.gyre.comms.memory..")
        .should()
        .dependOnClassesThat()
        .belongToAnyOf(Linker.class, SymbolLookup.class)
        .orShould()
        .callMethod(System.class, "load", String.class)
        .orShould()
        .callMethod(System.class, "loadLibrary", String.class)
        .check(classes);
  }

  @Test
  void nothingIsReadByJavaSerialization() {
    noClasses()
        .that()
        .resideOutsideOfPackage(GENERATED)
        .should()
        .dependOnClassesThat()
        .belongToAnyOf(ObjectInputStream.class, ObjectOutputStream.class)
        .check(classes);
  }

  /** A plan is a function of its arguments: no files, no network, no clock, no threads. */
  @Test
  void partitioningIsPure() {
    ArchRule rule =
        noClasses()
            .that()
            .resideInAPackage("dev.gyre.partitioning..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                "java.io..", "java.nio.file..", "java.nio.channels..", "java.net..", "java.time..")
            .orShould()
            .dependOnClassesThat()
            .belongToAnyOf(Thread.class, ProcessHandle.class, java.util.Random.class)
            .orShould()
            .callMethod(System.class, "nanoTime")
            .orShould()
            .callMethod(System.class, "currentTimeMillis")
            .orShould()
            .callMethod(System.class, "getenv", String.class)
            .orShould()
            .callMethod(System.class, "getProperty", String.class);
    rule.check(classes);
  }

  /** The wall clock may be set forward or back during a run, so no wait may depend on it. */
  @Test
  void nothingIsTimedByTheWallClock() {
    noClasses()
        .that()
        .resideOutsideOfPackage(GENERATED)
        .and()
        // Compares file times, which come from the wall clock, and prints them.
        .doNotHaveFullyQualifiedName("dev.gyre.trainer.data.StoreCache")
        .should()
        .callMethod(System.class, "currentTimeMillis")
        .orShould()
        .callMethod(LockSupport.class, "parkUntil", long.class)
        .orShould()
        .callMethod(Instant.class, "now")
        .orShould()
        .callMethod(LocalDateTime.class, "now")
        .orShould()
        .callMethod(ZonedDateTime.class, "now")
        .orShould()
        .dependOnClassesThat()
        .belongToAnyOf(Date.class, Clock.class, SystemEpochClock.class)
        .check(classes);
  }

  @Test
  void noStaticStateChanges() {
    fields()
        .that()
        .areStatic()
        .and()
        .areDeclaredInClassesThat()
        .resideOutsideOfPackage(GENERATED)
        .should()
        .beFinal()
        .check(classes);
    // A final field can still hold a mutable object: check the declared types.
    noFields()
        .that()
        .areStatic()
        .and()
        .areDeclaredInClassesThat()
        .resideOutsideOfPackage(GENERATED)
        .should(haveRawType(mutable()))
        .check(classes);
  }

  private static DescribedPredicate<JavaClass> mutable() {
    return DescribedPredicate.describe(
        "are containers that can change",
        type ->
            type.getPackageName().startsWith("java.util.concurrent")
                    && !type.getName().equals("java.util.concurrent.TimeUnit")
                || List.of(
                        "java.util.ArrayList",
                        "java.util.HashMap",
                        "java.util.HashSet",
                        "java.util.LinkedHashMap",
                        "java.util.TreeMap",
                        "java.util.IdentityHashMap",
                        "java.util.WeakHashMap",
                        "java.util.EnumMap",
                        "java.util.ArrayDeque",
                        "java.lang.ThreadLocal")
                    .contains(type.getName()));
  }

  private void onlyIn(String library, String... packages) {
    noClasses()
        .that()
        .resideOutsideOfPackages(packages)
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(library)
        .check(classes);
    // The rule above checks nothing if the library's packages were renamed.
    assertFalse(
        classes.stream()
            .filter(c -> c.getPackageName().startsWith("dev.gyre"))
            .flatMap(c -> c.getDirectDependenciesFromSelf().stream())
            .noneMatch(
                d ->
                    d.getTargetClass()
                        .getPackageName()
                        .startsWith(library.substring(0, library.length() - 2))),
        library + " is not used at all: the rule is out of date");
  }
}
