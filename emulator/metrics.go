package emulator

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// metric is a metric of the tenant. A committed metric never changes: an
// update replaces it.
type metric struct {
	gsid        string
	name        string
	unit        string // DECIMAL, PERCENTAGE, CURRENCY
	description string
	created     int64
	modified    int64
	createdBy   *user
	modifiedBy  *user
	order       int
	active      bool
	goalTypes   []*item
}

// append appends the metric as the page shows it, with its goal types where
// asked, and without its Gsid for a fault.
func (m *metric) append(dst []byte, withTypes, hideGsid bool) []byte {
	return m.appendAs(dst, false, withTypes, hideGsid)
}

func (m *metric) appendAs(dst []byte, deleted, withTypes, hideGsid bool) []byte {
	dst = strconv.AppendInt(appendKey(append(dst, '{'), "createdAt"), m.created, 10)
	dst = strconv.AppendBool(appendKey(dst, "deleted"), deleted)
	dst = strconv.AppendInt(appendKey(dst, "modifiedAt"), m.modified, 10)
	dst = appendText(appendKey(dst, "createdBy"), m.createdBy.gsid)
	dst = appendText(appendKey(dst, "modifiedBy"), m.modifiedBy.gsid)
	dst = appendText(appendKey(dst, "name"), m.name)
	dst = appendText(appendKey(dst, "description"), m.description)
	dst = appendText(appendKey(dst, "unitOfMeasure"), m.unit)
	dst = strconv.AppendInt(appendKey(dst, "displayOrder"), int64(m.order), 10)
	dst = append(appendKey(dst, "externalId"), `null,"active":`...)
	dst = strconv.AppendBool(dst, m.active)
	dst = append(appendKey(dst, "systemDefined"), `false`...)
	if !hideGsid {
		dst = appendText(appendKey(dst, "gsid"), m.gsid)
	}
	if withTypes {
		dst = append(appendKey(dst, "goalTypeIds"), '[')
		for _, i := range m.goalTypes {
			dst = appendText(appendComma(dst), i.gsid)
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

// createMetrics carries out POST /csgoal/external/metric/.
func (t *Tenant) createMetrics(c *call) ([]byte, *refusal) {
	return t.eachRequest(c, func(raw []byte) ([]byte, *refusal) { return t.saveMetric(c, raw, false) })
}

// updateMetrics carries out PUT /csgoal/external/metric/.
func (t *Tenant) updateMetrics(c *call) ([]byte, *refusal) {
	return t.eachRequest(c, func(raw []byte) ([]byte, *refusal) { return t.saveMetric(c, raw, true) })
}

// eachRequest saves the elements of "requests" one by one and answers with
// successList and failureList. save returns the element of successList.
func (t *Tenant) eachRequest(c *call, save func(raw []byte) ([]byte, *refusal)) ([]byte, *refusal) {
	if err := onlyKeys(c.body, "requests", "lookups"); err != nil {
		return nil, err
	}
	list, err := requestList(c.body)
	if err != nil {
		return nil, err
	}
	saved, failed := []byte{'['}, []byte{'['}
	for _, raw := range list {
		one, err := save(raw)
		switch {
		case err != nil && err.code == 0:
			return nil, err
		case err != nil:
			failed = appendFailed(failed, member(raw, "record"), err, c.sw)
		default:
			saved = append(appendComma(saved), one...)
		}
	}
	dst := append(beginOK(nil, c.requestID), `{"successList":`...)
	dst = append(append(dst, saved...), `],"failureList":`...)
	return endOK(append(append(dst, failed...), ']', '}')), nil
}

func (t *Tenant) saveMetric(c *call, raw []byte, update bool) ([]byte, *refusal) {
	if err := onlyKeys(raw, "record", "associateGoalTypes", "associateGoalTypeNames", "dissociateGoalTypes", "dissociateGoalTypeNames"); err != nil {
		return nil, err
	}
	record := member(raw, "record")
	t.mu.Lock()
	defer t.mu.Unlock()
	m, err := t.startMetric(c, record, update)
	if err != nil {
		return nil, err
	}
	if err := m.fill(record); err != nil {
		return nil, err
	}
	if err := t.linkTypes(m, raw, c.sw); err != nil {
		return nil, err
	}
	if m.gsid == "" {
		m.gsid = t.nextGsid(itemPrefix)
	}
	if err := t.commitMetric(m); err != nil {
		return nil, err
	}
	return m.append(nil, false, c.fault == withoutGsid), nil
}

// startMetric returns the metric to be filled: a new one, or a copy of the old.
func (t *Tenant) startMetric(c *call, record []byte, update bool) (*metric, *refusal) {
	at := c.at.UnixMilli()
	if !isObject(record) {
		return nil, refuse(invalidRequest, "record is missing or no object")
	}
	if update {
		gsid, _ := textOf(member(record, "gsid"))
		old := t.metrics[gsid]
		if old == nil {
			return nil, refuse(invalidGsid, "Invalid gsid provided in request")
		}
		m := *old
		m.modified, m.modifiedBy = at, t.seeds.self
		return &m, nil
	}
	if member(record, "gsid") != nil {
		return nil, refuse(invalidField, "gsid cannot be set on a new metric")
	}
	return &metric{
		created: at, modified: at, createdBy: t.seeds.self, modifiedBy: t.seeds.self,
		order: len(t.metricList) + 1, active: true,
	}, nil
}

func (m *metric) fill(record []byte) *refusal {
	for k, v := range members(record) {
		text, ok := textOf(v)
		switch string(k) {
		case "gsid":
			continue
		case "name":
			m.name = text
		case "unitOfMeasure":
			m.unit = text
		case "description":
			m.description, ok = text, ok || isNull(v)
		default:
			return refuse(invalidField, "Invalid field in record - %s", k)
		}
		if !ok {
			return refuse(invalidValue, "%s is no text", k)
		}
	}
	switch {
	case strings.TrimSpace(m.name) == "":
		return refuse(invalidValue, "name cannot be empty")
	case m.unit != "DECIMAL" && m.unit != "PERCENTAGE" && m.unit != "CURRENCY":
		return refuse(invalidValue, "unitOfMeasure is none of DECIMAL, PERCENTAGE, CURRENCY")
	}
	return nil
}

// linkTypes takes goal types away first, then adds, by Gsid and by name.
func (t *Tenant) linkTypes(m *metric, raw []byte, sw *Switches) *refusal {
	drop, err := t.typesOf(raw, "dissociateGoalTypes", "dissociateGoalTypeNames", sw)
	if err != nil {
		return err
	}
	add, err := t.typesOf(raw, "associateGoalTypes", "associateGoalTypeNames", sw)
	if err != nil {
		return err
	}
	var kept []*item
	for _, i := range m.goalTypes {
		if !slices.Contains(drop, i) {
			kept = append(kept, i)
		}
	}
	for _, i := range add {
		if !slices.Contains(kept, i) {
			kept = append(kept, i)
		}
	}
	m.goalTypes = kept
	return nil
}

func (t *Tenant) typesOf(raw []byte, byID, byName string, sw *Switches) ([]*item, *refusal) {
	var list []*item
	for _, key := range []string{byID, byName} {
		value := member(raw, key)
		if value == nil || isNull(value) {
			continue
		}
		words, ok := texts(value)
		if !ok {
			return nil, refuse(invalidValue, "%s is no list of texts", key)
		}
		for _, w := range words {
			i := withGsid(t.seeds.types, w, sw)
			if key == byName {
				i = firstActive(named(t.seeds.types, w, sw))
			}
			if i == nil {
				return nil, refuse(invalidValue, "Invalid goal type in %s - %s", key, w)
			}
			list = append(list, i)
		}
	}
	return list, nil
}

func (t *Tenant) commitMetric(m *metric) *refusal {
	if t.journal != nil {
		t.line = append(m.append(append(t.line[:0], `{"metric":`...), true, false), '}', '\n')
		if err := t.journal.append(t.line); err != nil {
			return crashed(err)
		}
	}
	t.putMetric(m)
	return nil
}

func (t *Tenant) putMetric(m *metric) {
	old := t.metrics[m.gsid]
	t.metrics[m.gsid] = m
	if i := slices.Index(t.metricList, old); old != nil && i >= 0 {
		t.metricList[i] = m
		return
	}
	t.metricList = append(t.metricList, m)
}

func (t *Tenant) removeMetric(gsid string) {
	if m := t.metrics[gsid]; m != nil {
		delete(t.metrics, gsid)
		t.metricList = slices.DeleteFunc(t.metricList, func(one *metric) bool { return one == m })
	}
}

func (t *Tenant) restoreMetric(raw []byte) error {
	m := &metric{}
	m.gsid, _ = textOf(member(raw, "gsid"))
	m.name, _ = textOf(member(raw, "name"))
	m.unit, _ = textOf(member(raw, "unitOfMeasure"))
	m.description, _ = textOf(member(raw, "description"))
	creator, _ := textOf(member(raw, "createdBy"))
	modifier, _ := textOf(member(raw, "modifiedBy"))
	m.createdBy, m.modifiedBy = t.seeds.users[creator], t.seeds.users[modifier]
	order, _ := integerOf(member(raw, "displayOrder"))
	m.order, m.active = int(order), string(member(raw, "active")) == "true"
	ids, _ := texts(member(raw, "goalTypeIds"))
	for _, id := range ids {
		if i := withGsid(t.seeds.types, id, &Switches{Ambiguous: true}); i != nil {
			m.goalTypes = append(m.goalTypes, i)
		}
	}
	err := restoreTime(&m.created, member(raw, "createdAt"))
	err = errors.Join(err, restoreTime(&m.modified, member(raw, "modifiedAt")))
	if m.gsid == "" || m.createdBy == nil || m.modifiedBy == nil {
		return errors.Join(err, errors.New("a metric without gsid or users"))
	}
	t.putMetric(m)
	return err
}
