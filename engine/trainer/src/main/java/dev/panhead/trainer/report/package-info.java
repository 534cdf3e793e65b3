/** What people see of a training: progress on the screen, the metrics file, and the report made of it. */
package dev.panhead.trainer.report;
