package validate

import (
	"slices"
	"strings"

	"gsbatch/gainsight"
	"gsbatch/readers"
)

// measure reads the metrics of a row into metricsAssociation and
// metricsDissociation.
func (w *work) measure() {
	if !w.schema.placed {
		w.putMetricList()
		w.putGoalTypes()
		return
	}
	for i := range w.metrics {
		w.metric(&w.metrics[i])
	}
	if len(w.measures) > 0 {
		w.put("metricsAssociation", gainsight.Metrics(w.measures))
	}
	if len(w.removed) > 0 {
		w.put("metricsDissociation", gainsight.Strings(w.removed))
	}
}

// metric reads one metric.
func (w *work) metric(m *metricBinding) {
	base, s1 := w.measured(m, baseValue)
	target, s2 := w.measured(m, targetValue)
	actual, s3 := w.measured(m, actualValue)
	day, s4 := w.measuredOn(m)
	remove, s5 := w.metricRemoved(m)
	if max(s1, s2, s3, s4, s5) == bad {
		return
	}
	given := max(s1, s2, s3, s4) == present
	switch {
	case remove && given:
		w.problem(m.parts[removal], "", "add-and-remove", "metric "+quote(m.name)+" is given a value and removed", "clear its values, or its remove column")
	case remove && w.creating:
		w.problem(m.parts[removal], "", "remove-in-create", "metric "+quote(m.name)+" cannot be removed from a new goal", "clear the cell, or give the goal's Gsid")
	case remove:
		w.removed = append(w.removed, m.gsid)
	case s4 == present && s3 != present:
		w.problem(m.parts[timestamp], day, "metric-without-value", "metric "+quote(m.name)+" has a timestamp and no actualValue", "give the value that was measured, or clear the timestamp")
	case s3 == present && s4 != present:
		w.problem(m.parts[actualValue], actual, "metric-without-timestamp", "metric "+quote(m.name)+" has an actualValue and no timestamp", "give the day it was measured in a column metric."+printable(m.name)+".timestamp")
	case given:
		a := gainsight.MetricAssociation{MetricID: m.gsid, Base: base, Target: target}
		if s3 == present {
			a.Actual = []gainsight.MetricValue{{Value: actual, Timestamp: day}}
		}
		w.measures = append(w.measures, a)
	}
}

// associates reports whether the row gives values to a metric.
func (w *work) associates(gsid string) bool {
	return slices.ContainsFunc(w.measures, func(m gainsight.MetricAssociation) bool { return m.MetricID == gsid })
}

// measured reads a number of a metric.
func (w *work) measured(m *metricBinding, p metricPart) (string, state) {
	s := m.parts[p]
	cell, st := w.read(s)
	if st == cleared {
		return w.metricCleared(m, p)
	}
	if st != present {
		return "", st
	}
	if cell.Kind == readers.Number && destroyedDigits(cell.Text) {
		w.destroyed(s, cell.Text)
		return "", bad
	}
	n, code, why := w.number(s, cell, m.unit)
	if code != "" {
		w.problem(s, cell.Text, code, p.String()+" "+quote(cell.Text)+" of metric "+quote(m.name)+" "+why, "write the number with a decimal point and without separators")
		return "", bad
	}
	if m.unit == "PERCENTAGE" && !strings.HasSuffix(trim(cell.Text), "%") && fraction(n) {
		w.warn(s, cell.Text, "small-percentage", p.String()+" "+quote(cell.Text)+" of metric "+quote(m.name)+" is less than one per cent", "write 15 or 15% for fifteen per cent")
	}
	return n, present
}

// fraction reports whether a canonical number lies between 0 and 1.
func fraction(n string) bool { return strings.HasPrefix(strings.TrimPrefix(n, "-"), "0.") }

// measuredOn reads the day of a metric's actual value.
func (w *work) measuredOn(m *metricBinding) (string, state) {
	s := m.parts[timestamp]
	cell, st := w.read(s)
	if st == cleared {
		return w.metricCleared(m, timestamp)
	}
	if st != present {
		return "", st
	}
	day, ok := w.dateOf(s, "timestamp of metric "+quote(m.name), cell)
	if !ok {
		return "", bad
	}
	return day, present
}

// metricRemoved reads whether a metric is to be taken off the goal.
func (w *work) metricRemoved(m *metricBinding) (bool, state) {
	s := m.parts[removal]
	cell, st := w.read(s)
	if st == cleared {
		_, st = w.metricCleared(m, removal)
	}
	if st != present {
		return false, st
	}
	yes, ok := truth(cell.Text)
	if !ok {
		w.problem(s, cell.Text, "not-a-bool", "remove "+quote(cell.Text)+" of metric "+quote(m.name)+" is neither yes nor no", "write yes or no")
		return false, bad
	}
	return yes, present
}

func (w *work) metricCleared(m *metricBinding, p metricPart) (string, state) {
	w.problem(m.parts[p], "", "cannot-clear", p.String()+" of metric "+quote(m.name)+" cannot be cleared", "take the metric off the goal with metric."+printable(m.name)+".remove, or leave the cell blank")
	return "", bad
}
