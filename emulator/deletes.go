package emulator

import (
	"slices"
	"strconv"
)

// recordIDs returns the Gsids of a delete call, at least one.
func recordIDs(body []byte) ([]string, *refusal) {
	if err := onlyKeys(body, "recordIds"); err != nil {
		return nil, err
	}
	ids, ok := texts(member(body, "recordIds"))
	if !ok || len(ids) == 0 {
		return nil, refuse(invalidRequest, "recordIds is missing, empty or no list of Gsids")
	}
	return ids, nil
}

// deleteTemplates carries out DELETE /v1/csgoal/external/template/delete.
func (t *Tenant) deleteTemplates(c *call) ([]byte, *refusal) {
	ids, err := recordIDs(c.body)
	if err != nil {
		return nil, err
	}
	saved, failed, failures := []byte{'['}, []byte{'['}, 0
	for _, id := range ids {
		gone, err := t.deleteTemplate(c, id)
		switch {
		case err != nil && err.code == 0:
			return nil, err
		case err != nil:
			failures++
			failed = appendFailed(failed, appendText(nil, id), err, c.sw)
		default:
			saved = append(appendComma(saved), gone...)
		}
	}
	dst := append(beginOK(nil, c.requestID), `{"failureList":`...)
	dst = append(append(dst, failed...), `],"successList":`...)
	dst = append(append(dst, saved...), `],"success":`...)
	dst = strconv.AppendBool(dst, failures == 0)
	dst = strconv.AppendInt(append(dst, `,"failCount":`...), int64(failures), 10)
	return endOK(append(dst, '}')), nil
}

func (t *Tenant) deleteTemplate(c *call, id string) ([]byte, *refusal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.templates.get(id) == nil {
		return nil, refuse(invalidGsid, "Invalid Gsid provided in request")
	}
	if err := t.discard(id); err != nil {
		return nil, err
	}
	dst := append([]byte(nil), `{"Deleted":true,"GoalCategory":"TEMPLATE"`...)
	if c.fault != withoutGsid {
		dst = appendText(appendKey(dst, "Gsid"), id)
	}
	dst = appendText(appendKey(dst, "ModifiedById"), t.seeds.self.gsid)
	dst = strconv.AppendInt(appendKey(dst, "ModifiedDate"), c.at.UnixMilli(), 10)
	return append(dst, '}'), nil
}

// deleteMetrics carries out DELETE /csgoal/external/metrics: all of them or,
// if one is unknown or in use, none.
func (t *Tenant) deleteMetrics(c *call) ([]byte, *refusal) {
	ids, err := recordIDs(c.body)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	list, err := t.deletable(ids)
	if err != nil {
		return nil, err
	}
	dst := append(beginOK(nil, c.requestID), `{"deletedMetrics":[`...)
	for _, m := range list {
		if err := t.discard(m.gsid); err != nil {
			return nil, err
		}
		gone := *m
		gone.modified, gone.modifiedBy = c.at.UnixMilli(), t.seeds.self
		dst = gone.appendAs(appendComma(dst), true, false, c.fault == withoutGsid)
	}
	return endOK(append(dst, `]}`...)), nil
}

func (t *Tenant) deletable(ids []string) ([]*metric, *refusal) {
	var list []*metric
	for _, id := range ids {
		m := t.metrics[id]
		if m == nil || slices.Contains(list, m) {
			return nil, refuse(invalidGsid, "Invalid gsid provided in request - %s", id)
		}
		if used := t.usage(m); used != "" {
			return nil, &refusal{code: metricInUse, text: "Metric is used in some goals or templates. Cannot delete the metric.", info: used}
		}
		list = append(list, m)
	}
	return list, nil
}

// usage returns the errorInfo of a metric in use, "" for one that is not. The
// goal types it is linked to are listed as layouts; they alone are no use.
func (t *Tenant) usage(m *metric) string {
	goals := []byte{'['}
	for _, of := range []*collection{t.goals, t.templates} {
		for _, e := range of.list {
			if slices.ContainsFunc(e.record.metricValues(), func(v metricValue) bool { return v.metric == m.gsid }) {
				goals = appendText(append(appendComma(goals), `{"gsid":`...), e.record.gsid)
				goals = append(appendText(append(goals, `,"name":`...), e.record.name), '}')
			}
		}
	}
	if len(goals) == 1 {
		return ""
	}
	dst := append([]byte(nil), `{"usageInLayouts":[`...)
	for _, i := range m.goalTypes {
		dst = appendText(appendComma(dst), i.name)
	}
	dst = append(append(dst, `],"usageInGoals":`...), goals...)
	return string(append(dst, `],"hasUsage":true}`...))
}
