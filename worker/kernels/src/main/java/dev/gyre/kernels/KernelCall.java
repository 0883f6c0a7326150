package dev.gyre.kernels;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.function.Consumer;

/**
 * One kernel call as a value, for code that treats all kernels alike, for example to count, time,
 * delay or skip them. It allocates, so training steps must not use it.
 *
 * @param method of {@link Kernels}
 * @param arguments as the caller gave them, not copied
 */
public record KernelCall(Method method, Object[] arguments) {
  /** Kernels that pass every call to the receiver, which may or may not perform it. */
  public static Kernels receivedBy(Consumer<KernelCall> receiver) {
    return (Kernels)
        Proxy.newProxyInstance(
            Kernels.class.getClassLoader(),
            new Class<?>[] {Kernels.class},
            (self, method, arguments) -> {
              if (method.getDeclaringClass() == Object.class) {
                return ofAnyObject(self, method, arguments);
              }
              receiver.accept(
                  new KernelCall(method, arguments == null ? new Object[0] : arguments));
              return null;
            });
  }

  @SuppressWarnings("ReferenceEquality") // such kernels equal only themselves
  private static Object ofAnyObject(Object self, Method method, Object[] arguments) {
    return switch (method.getName()) {
      case "equals" -> self == arguments[0];
      case "hashCode" -> System.identityHashCode(self);
      default -> "kernels whose calls are received";
    };
  }

  /** The kernel's name, as in {@link Kernels}. */
  public String kernel() {
    return method.getName();
  }

  /** Performs the call. Exceptions of the kernel are rethrown unchanged. */
  public void on(Kernels kernels) {
    try {
      method.invoke(kernels, arguments);
    } catch (InvocationTargetException e) {
      switch (e.getCause()) {
        case RuntimeException exception -> throw exception;
        case Error error -> throw error;
        case null, default -> throw new AssertionError(kernel(), e); // no kernel declares one
      }
    } catch (IllegalAccessException e) {
      throw new AssertionError(kernel(), e);
    }
  }
}
