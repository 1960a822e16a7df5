package emulator

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// setCustom sets the custom fields of the input. The list is made anew: the
// old record keeps its own.
func (b *builder) setCustom() *refusal {
	if len(b.in.custom) == 0 {
		return nil
	}
	list := slices.Clone(b.more.custom)
	for _, c := range b.in.custom {
		b.touched.add(c.field)
		list = slices.DeleteFunc(list, func(v customValue) bool { return v.field == c.field })
		text, err := b.customText(c)
		if err != nil {
			return err
		}
		if text != "" {
			list = append(list, customValue{field: c.field, text: text})
		}
	}
	b.more.custom = list
	if len(list) == 0 {
		b.more.custom = nil
	}
	return nil
}

// customText checks the value of a custom field. It returns "" for a null and
// for an empty text, which both clear the field.
func (b *builder) customText(c customInput) (string, *refusal) {
	bad := func() *refusal { return refuse(invalidValue, "Invalid value for field %s", c.field.name) }
	if isNull(c.raw) {
		return "", nil
	}
	switch c.field.kind {
	case numberKind:
		if _, ok := numberOf(c.raw); !ok {
			return "", bad()
		}
		return string(c.raw), nil
	case boolKind:
		if word := string(c.raw); word == "true" || word == "false" {
			return word, nil
		}
		return "", bad()
	}
	text, ok := textOf(c.raw)
	if !ok || utf8.RuneCountInString(text) > maxText || text != "" && !b.fitsCustom(c.field, text) {
		return "", bad()
	}
	return text, nil
}

func (b *builder) fitsCustom(f *field, text string) bool {
	switch {
	case f.kind == dateKind:
		_, ok := parseDate(text)
		return ok
	case f.lookup:
		return contains(b.t.seeds.companies, b.t.seeds.byGsid[text])
	case f.kind == multiKind:
		for word := range strings.SplitSeq(text, ";") {
			if !slices.Contains(f.words, word) {
				return false
			}
		}
		return true
	}
	return f.words == nil || slices.Contains(f.words, text)
}

// metricValue is a metric on a goal or a template.
type metricValue struct {
	metric string // Gsid
	gsid   string // of the association
	base   string // JSON numbers as sent; "" none
	target string
	actual []reading
}

// reading is one actualValue.
type reading struct {
	value string // a JSON number as sent
	day   string // YYYY-MM-DD
}

// setMetrics takes metrics away first, then associates: the page's own sample
// does both with one metric.
func (b *builder) setMetrics() *refusal {
	drop, err := b.metricsToDrop()
	if err != nil {
		return err
	}
	add, err := b.metricsToAdd()
	if err != nil || drop == nil && add == nil {
		return err
	}
	list := slices.DeleteFunc(slices.Clone(b.more.metrics), func(v metricValue) bool {
		return slices.Contains(drop, v.metric)
	})
	for _, v := range add {
		i := slices.IndexFunc(list, func(have metricValue) bool { return have.metric == v.metric })
		if i < 0 {
			v.gsid = b.t.nextGsid(itemPrefix)
			list = append(list, v)
		} else {
			v = list[i].merged(v, b.sw.MetricValues == "replace")
			list[i] = v
		}
	}
	b.more.metrics = list
	if len(list) == 0 {
		b.more.metrics = nil
	}
	return nil
}

// merged returns v with what the input says: numbers that are given replace,
// readings are added, or replace those of the same day.
func (v metricValue) merged(in metricValue, replace bool) metricValue {
	if in.base != "" {
		v.base = in.base
	}
	if in.target != "" {
		v.target = in.target
	}
	v.actual = slices.Clone(v.actual)
	for _, r := range in.actual {
		i := slices.IndexFunc(v.actual, func(have reading) bool { return have.day == r.day })
		if i >= 0 && replace {
			v.actual[i] = r
			continue
		}
		v.actual = append(v.actual, r)
	}
	return v
}

// metricsToDrop reads metricsDissociation: Gsids, or for templates objects
// with a metricId. Both forms are taken for both.
func (b *builder) metricsToDrop() ([]string, *refusal) {
	raw := b.in.known[kMetricsDrop]
	if raw == nil || isNull(raw) {
		return nil, nil
	}
	if !isArray(raw) {
		return nil, refuse(invalidValue, "metricsDissociation is no list")
	}
	drop := []string{}
	for e := range elements(raw) {
		if isObject(e) {
			e = member(e, "metricId")
		}
		id, ok := textOf(e)
		if !ok || b.t.metrics[id] == nil {
			return nil, refuse(invalidGsid, "Invalid metric in metricsDissociation - %s", id)
		}
		drop = append(drop, id)
	}
	return drop, nil
}

func (b *builder) metricsToAdd() ([]metricValue, *refusal) {
	raw := b.in.known[kMetricsAdd]
	if raw == nil || isNull(raw) {
		return nil, nil
	}
	if !isArray(raw) {
		return nil, refuse(invalidValue, "metricsAssociation is no list")
	}
	list := []metricValue{}
	for e := range elements(raw) {
		v, err := parseMetricValue(e)
		if err != nil {
			return nil, err
		}
		m := b.t.metrics[v.metric]
		if m == nil || !m.active {
			return nil, refuse(invalidGsid, "Invalid metric in metricsAssociation - %s", v.metric)
		}
		if b.r.goalType != nil && !slices.Contains(m.goalTypes, b.r.goalType) {
			return nil, refuse(invalidValue, "Metric %s is not associated with goal type %s", m.name, b.r.goalType.name)
		}
		list = append(list, v)
	}
	return list, nil
}

func parseMetricValue(raw []byte) (metricValue, *refusal) {
	var v metricValue
	if !isObject(raw) {
		return v, refuse(invalidValue, "metricsAssociation holds something that is no object")
	}
	for k, e := range members(raw) {
		var err *refusal
		switch string(k) {
		case "metricId":
			v.metric, _ = textOf(e)
		case "baseValue":
			v.base, err = optionalNumber(k, e)
		case "targetValue":
			v.target, err = optionalNumber(k, e)
		case "actualValue":
			v.actual, err = parseReadings(e)
		default:
			err = refuse(invalidValue, "Unrecognized field %q in metricsAssociation", k)
		}
		if err != nil {
			return v, err
		}
	}
	return v, nil
}

func optionalNumber(name, raw []byte) (string, *refusal) {
	if isNull(raw) {
		return "", nil
	}
	if _, ok := numberOf(raw); !ok {
		return "", refuse(invalidValue, "%s is no number", name)
	}
	return string(raw), nil
}

func parseReadings(raw []byte) ([]reading, *refusal) {
	if isNull(raw) {
		return nil, nil
	}
	if !isArray(raw) {
		return nil, refuse(invalidValue, "actualValue is no list")
	}
	var list []reading
	for e := range elements(raw) {
		number := member(e, "value")
		day, _ := textOf(member(e, "timestamp"))
		_, isNumber := numberOf(number)
		if _, isDay := parseDate(day); !isNumber || !isDay {
			return nil, refuse(invalidValue, "actualValue needs a number as value and a date as timestamp")
		}
		list = append(list, reading{value: string(number), day: day})
	}
	return list, nil
}

// append appends the value as the create answer shows it.
func (v *metricValue) append(dst []byte, goal string) []byte {
	dst = appendText(appendKey(append(dst, '{'), "metricId"), v.metric)
	dst = appendText(appendKey(dst, "goalId"), goal)
	dst = append(appendKey(dst, "baseValue"), orNull(v.base)...)
	dst = append(appendKey(dst, "actualValue"), '[')
	for _, r := range v.actual {
		dst = append(appendComma(dst), `{"gsid":null,"value":`...)
		dst = append(dst, r.value...)
		dst = appendText(append(dst, `,"timestamp":`...), r.day)
		dst = append(dst, '}')
	}
	dst = append(dst, ']')
	dst = append(appendKey(dst, "targetValue"), orNull(v.target)...)
	dst = appendText(appendKey(dst, "gsid"), v.gsid)
	return append(dst, '}')
}

func orNull(number string) string {
	if number == "" {
		return "null"
	}
	return number
}
