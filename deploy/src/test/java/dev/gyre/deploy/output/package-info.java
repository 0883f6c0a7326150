@NullMarked
package dev.gyre.deploy.output;

import org.jspecify.annotations.NullMarked;
