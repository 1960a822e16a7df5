package emulator

import "strings"

// The records below carry the Gsids of the specification's sample requests, so
// that those requests succeed as they stand.

func (s *seeds) addSpecFixtures() {
	for _, id := range words(`1S010R2NEBJLG2RT8IP6XWLYWZDDAVCXEK5J 1S010R2NEBJLG2RT8I19P44KW9MBT5QG6NBC
		1S015065Y1L4AP5SUXPXKGDH9S0CAT75F3CY 1S015065Y1L4AP5SUXAN0N0MYVAFR66HRNQR
		1S015065Y1L4AP5SUXV96R83SMQ523UNWRXP 1S015065Y1L4AP5SUXO3AX169IGVLKKJ5N7R`) {
		s.addLink("Sample CTA "+id[len(id)-4:], id, false)
	}
	for _, id := range words(`1S02J57N1K69N1VBJKLIBNH5YIJBBWEUOK4B 1S02JJSBDT2ZT78W7NMT0VBJP3QF725QD8RC
		1S02JJSBDT2ZT78W7N3SX0J712OA8HOTBSQ7 1S02JJSBDT2ZT78W7N3V2OYXMWCH2B720L51
		1S02JJSBDT2ZT78W7N326U5W640ZRK54GLAT 1S02JJSBDT2ZT78W7NL2NR8BXMXALV76JBSC`) {
		s.addLink("Sample plan "+id[len(id)-4:], id, true)
	}
	for _, id := range words(`1I005G22HP9QX1NRFCMFSKO6E6SA4ZP9ZQ4B 1I005G22HP9QX1NRFC58NVMRDRVLJE52KR1J
		1I005G22HP9QX1NRFC1AC0T2UHHYDO6ABJWO 1I005G22HP9QX1NRFCZYV81Y6QHH30TMXP49
		1I005G22HP9QX1NRFC4O3YXDHJ7BZDIAOE4M`) {
		s.work[id] = true
	}
	all := []string{"ALL_ENTITY"}
	s.addType("Customer Outcome", "1I00GO4Q83RGDEM94YM7VTGXMVT1E1JLKNQB", 11, true, all, s.statuses)
	s.addType("CP Goal Type", "", 12, true, all, s.statuses)
	s.addType("CG4", "", 13, true, all, s.statuses)
	s.addType("CG1", "", 14, true, all, s.statuses)
	s.addType("Club Goals", "1I00GO4Q83RGDEM94YUKVBH3OA6UU7RGBRII", 15, true, all, s.statuses)
	s.addType("Pilot", "1I00GO4Q83RGDEM94Y93I859J3I3KEZXZZF2", 16, true, []string{"COMPANY"}, s.statuses)
}

func words(text string) []string { return strings.Fields(text) }

// addMetrics adds the metrics of a fresh tenant, each linked to every goal type.
func (t *Tenant) addMetrics() {
	t.addMetric("Seats in use", "DECIMAL", "")
	t.addMetric("Adoption rate", "PERCENTAGE", "")
	t.addMetric("Annual recurring revenue", "CURRENCY", "")
	t.addMetric("Open support cases", "DECIMAL", "")
	t.addMetric("Net promoter score", "DECIMAL", "")
	t.addMetric("Cost saved", "CURRENCY", "")
	t.addMetric("Renewal likelihood", "PERCENTAGE", "")
	t.addMetric("Time to value (days)", "DECIMAL", "")
	if t.opt.OmitSpecFixtures {
		return
	}
	t.addMetric("Sample metric 1", "DECIMAL", "1I0056K976K5AXWOB1HPW54VIC18AHVJ1TTG")
	t.addMetric("Sample metric 2", "DECIMAL", "1I0056K976K5AXWOB1KBHCAG860QZ6E3JG52")
	t.addMetric("Sample metric 3", "DECIMAL", "1I0056K976K5AXWOB1P7YWFJNZOIUXW8YMEQ")
	t.addMetric("Sample metric 4", "DECIMAL", "1I0056K976K5AXWOB1XICUZ6DNSP6MZDCWNQ")
	t.addMetric("Sample metric 5", "DECIMAL", "1I0056K976K5AXWOB1PGJTG9R7V2KYR0KBHZ")
	t.addMetric("Sample metric 6", "PERCENTAGE", "1I0056K976K5AXWOB1NB0L2GCSS77AMROJ8W")
}

func (t *Tenant) addMetric(name, unit, gsid string) {
	if gsid == "" {
		gsid = seedGsid(itemPrefix, "metric", name)
	}
	u := t.seeds.people[0]
	t.putMetric(&metric{
		gsid: gsid, name: name, unit: unit, created: t.seeds.at, modified: t.seeds.at, createdBy: u, modifiedBy: u,
		order: len(t.metricList) + 1, active: true, goalTypes: t.seeds.types,
	})
}

// addTemplates adds the templates of a fresh tenant.
func (t *Tenant) addTemplates() {
	for i, name := range []string{"Reach full adoption", "Renew on time", "Onboard in 90 days", "Grow the account"} {
		t.addRecord(seedGsid(goalPrefix, "template", name), name, t.seeds.types[i], int32(30*(i+1)), nil)
	}
	if t.opt.OmitSpecFixtures {
		return
	}
	def := t.seeds.defaultType()
	dropped := &extra{metrics: []metricValue{{
		metric: "1I0056K976K5AXWOB1P7YWFJNZOIUXW8YMEQ", gsid: seedGsid(itemPrefix, "metric value", "template"),
	}}}
	t.addRecord("1CG01SX5TCMHZ0OXX0XMV01B68HZR4B6W7AX", "Goal Template Name", def, 10, dropped)
	t.addRecord("1CG01SX5TCMHZ0OXX0750YQUGDZ3WPZ50KBY", "Goal Template to delete", def, noDue, nil)
	t.addRecord("1CG01SX5TCMHZ0OXX0PXTGFW1BHBFKJT7WCU", "Goal Template of the sample", def, 30, nil)
	hello := &extra{custom: []customValue{{t.fields.byName["cust_string_value__gc"], "hello"}}}
	t.addRecord("1CG01SX5TCMHZ0OXX0IXL1HYTPDCJ26XEY8N", "barca_template", withGsid(t.seeds.types, "1I00GO4Q83RGDEM94YUKVBH3OA6UU7RGBRII", &Switches{}), 0, hello)
}

func (t *Tenant) addRecord(gsid, name string, of *item, days int32, more *extra) {
	r := t.seedRecord(gsid, name, of, of.statuses[0], more)
	r.isTemplate, r.due = true, days
	t.templates.put(r)
}

func (t *Tenant) seedRecord(gsid, name string, of, status *item, more *extra) *record {
	u := t.seeds.people[1]
	return &record{
		gsid: gsid, name: name, created: t.seeds.at, modified: t.seeds.at, createdBy: u, modifiedBy: u,
		status: status, goalType: of, more: more, due: noDue, seeded: true,
	}
}

// addGoals adds the goals that the specification's sample requests name.
func (t *Tenant) addGoals() {
	ctas, plans, sw := t.seeds.ctas, t.seeds.plans, &Switches{}
	status := func(name string) *item { return named(t.seeds.statuses, name, sw)[0] }
	hello := customValue{t.fields.byName["cust_string_value__gc"], "hello"}
	put := func(gsid, name string, of *item, s *item, due int32, more *extra) *record {
		r := t.seedRecord(gsid, name, of, s, more)
		r.due, r.parent, r.company = due, onCompany, t.seeds.companies[0]
		t.goals.put(r)
		return r
	}
	put("1CG03GFNBH1NOBHOND412PHFQQEPGXWOQ1T9", "CG3", t.seeds.defaultType(), status("New"), 20221221, &extra{
		ctas:  []*link{ctas["1S010R2NEBJLG2RT8IP6XWLYWZDDAVCXEK5J"], ctas["1S010R2NEBJLG2RT8I19P44KW9MBT5QG6NBC"]},
		plans: []*link{plans["1S02J57N1K69N1VBJKLIBNH5YIJBBWEUOK4B"]},
	})
	put("1CG0LXVS2HO4Y5ZF1F6TV4R7ZV0ZO6MPG6S1", "Goal Template Name", t.seeds.defaultType(), status("New"), noDue, &extra{
		ctas:  []*link{ctas["1S015065Y1L4AP5SUXO3AX169IGVLKKJ5N7R"]},
		plans: []*link{plans["1S02JJSBDT2ZT78W7N326U5W640ZRK54GLAT"]},
	})
	put("1CG03GFNBH1NOBHONDL3T69ND47717CRSH0C", "CGnew", nil, status("Partially Achieved"), 20230201, nil).description = "<p><br>Desc 7</p>"
	club := withGsid(t.seeds.types, "1I00GO4Q83RGDEM94YUKVBH3OA6UU7RGBRII", sw)
	plan := []*link{plans["1S02JJSBDT2ZT78W7NL2NR8BXMXALV76JBSC"]}
	more := func() *extra { return &extra{custom: []customValue{hello}, plans: plan} }
	put("1CG0LXVS2HO4Y5ZF1F6YYCF1TN6O5RCW2ZTO", "barca_template", club, status("Achieved"), 20250130, more())
	put("1CG0LXVS2HO4Y5ZF1FJINHVV1BOPDPEGV3J4", "Barca custom goal ", club, status("At Risk"), noDue, more())
	put("1CG0LXVS2HO4Y5ZF1FLUUZU35FSKQ35Y65OE", "barca_template", club, status("Achieved"), 20250130, more())
}
