package emulator

import (
	"fmt"
	"strings"
	"time"
)

// seeds is what the tenant holds from the start and no call changes. The same
// names have the same Gsids in every process.
type seeds struct {
	companies     []*entity
	relationships []*entity
	opportunities []*entity
	relTypes      []*entity
	byGsid        map[string]*entity
	types         []*item
	statuses      []*item
	users         map[string]*user
	self          *user // owner of the access key
	other         *user // another integration's
	people        []*user
	ctas          map[string]*link
	plans         map[string]*link
	links         []*link // CTAs, then plans
	work          map[string]bool
	at            int64 // creation of the seeded records
}

func newSeeds() *seeds {
	s := &seeds{
		byGsid: map[string]*entity{}, users: map[string]*user{}, ctas: map[string]*link{}, plans: map[string]*link{},
		work: map[string]bool{}, at: time.Date(2025, 1, 6, 9, 0, 0, 0, time.UTC).UnixMilli(),
	}
	s.addUsers()
	s.addCompanies()
	s.addRelationships()
	s.addOpportunities()
	s.addStatuses()
	s.addTypes()
	s.addLinks()
	return s
}

func (s *seeds) addUsers() {
	for i, name := range []string{"API Integration", "CRM Sync", "Grace Okafor", "Jonas Lindqvist", "Mei Tanaka", "Ravi Menon"} {
		u := &user{seedGsid(userPrefix, "user", name), name}
		s.users[u.gsid] = u
		switch i {
		case 0:
			s.self = u
		case 1:
			s.other = u
		default:
			s.people = append(s.people, u)
		}
	}
}

// addCompanies adds companies with the names that make imports hard: namesakes,
// one that differs in case alone, outer blanks, commas, quotes and other scripts.
func (s *seeds) addCompanies() {
	names := `Acme Corporation|Acme Corporation|acme europe|ACME Europe|Alder & Finch|Aurora Grid|Baker, Hughes & Lane|Baltic Line OÜ|
Blue Heron Health|Borealis Foods|Café Lumière SARL|Canyon Analytics|Cedar Point Bank|Cobalt Systems|Crestview Schools|Delta Harbour|
Dünya Lojistik A.Ş.|Eastgate Media|Electric Owl, Inc.|Evergreen Mutual|Fjord Seafoods|Galaxy "Prime" Retail|Granite Peak|Greenfield Energy |
Halcyon Labs|Hřebejk a syn|Indigo Rail|Jade River Trading|Juniper Lane|Kestrel Aviation|Königsberg Söhne GmbH|Łódź Textiles|
Lighthouse Data|Maple & Main|Meridian Steel|Northwind Traders |Ñandú Viajes|O'Neill Freight|Orchid Hospitality|Pacific Loom|
Quantum Dairy|Red Fern Software|Sable Motors|Société d'Études Réunies|Tern Island Shipping|Ultraviolet Optics|Vega Robotics|株式会社あおば|
Ελληνική Ναυτιλία|Яблоко Трейд|شركة النخيل`
	// The three that the specification's samples name keep the ids shown there.
	s.addCompany("IBM", "1P0275DAZIB1U41FWUD895S0FG38OCPH697T")
	s.addCompany("NEW", "1P0275DAZIB1U41FWU0FBY7UJL61TUQZY6UV")
	s.addCompany("Meta", "1P029JPET0U4HYGEAU5VBVM5IZ9G6MFOG1OT")
	seen := map[string]int{}
	for name := range strings.SplitSeq(strings.ReplaceAll(names, "\n", ""), "|") {
		seen[name]++
		key := name
		if seen[name] > 1 {
			key = fmt.Sprintf("%s#%d", name, seen[name])
		}
		s.addCompany(name, seedGsid(companyPrefix, "company", key))
	}
}

func (s *seeds) addCompany(name, gsid string) {
	e := &entity{gsid: gsid, name: name}
	s.companies = append(s.companies, e)
	s.byGsid[gsid] = e
}

// addRelationships adds two or three for some companies; their names repeat
// from company to company, so that a lookup needs the company too.
func (s *seeds) addRelationships() {
	for _, name := range []string{"Product Line", "Region"} {
		e := &entity{gsid: seedGsid(itemPrefix, "relationship type", name), name: name}
		s.relTypes = append(s.relTypes, e)
		s.byGsid[e.gsid] = e
	}
	lines := []string{"Cloud", "On-Premises", "Services", "EMEA", "APAC – Süd"}
	for i := range 30 {
		company := s.companies[i/2]
		name := company.name + " " + lines[i%len(lines)]
		if i%6 == 5 {
			name = "Shared Services"
		}
		e := &entity{
			gsid: seedGsid("1P03", "relationship", fmt.Sprintf("%s#%d", name, i)), name: name,
			company: company, relType: s.relTypes[i%2],
		}
		s.relationships = append(s.relationships, e)
		s.byGsid[e.gsid] = e
	}
}

func (s *seeds) addOpportunities() {
	kinds := []string{"Renewal 2026", "Expansion", "New Business", "Upsell – Größe L"}
	for i := range 20 {
		company := s.companies[i*2]
		name := company.name + " " + kinds[i%len(kinds)]
		e := &entity{gsid: seedGsid("1P04", "opportunity", fmt.Sprintf("%s#%d", name, i)), name: name, company: company}
		s.opportunities = append(s.opportunities, e)
		s.byGsid[e.gsid] = e
	}
}

// addStatuses adds the statuses, not in display order: the API does not sort.
// Five carry ids of the page's samples.
func (s *seeds) addStatuses() {
	add := func(name, gsid string, order int, active, open, ambiguous bool) {
		if gsid == "" {
			gsid = seedGsid(itemPrefix, "status", fmt.Sprintf("%s#%d", name, order))
		}
		s.statuses = append(s.statuses, &item{
			gsid: gsid, name: name, color: "#98E7B1", category: "GOAL_STATUS", order: order,
			active: active, open: open, ambiguous: ambiguous, entities: []string{"ALL_ENTITY"},
		})
	}
	add("On Track", "1I005IUOFEZ24SJ62ZBMHBO3HEB0OV9XW41D", 2, true, true, false)
	add("New", "1I005IUOFEZ24SJ62ZZHOLW1BP2Z1M8O4IIN", 1, true, true, false)
	add("Achieved", "1I005IUOFEZ24SJ62ZSP4PI1BZX88VUL4V1Z", 5, true, false, false)
	add("At Risk", "1I005IUOFEZ24SJ62ZSUKB6C3WN620DSIBYT", 3, true, true, false)
	add("Partially Achieved", "1I005IUOFEZ24SJ62ZJYCFVNWXRC1SN73XSV", 6, true, false, false)
	add("On Hold", "1I005IUOFEZ24SJ62Z3MB2HWTSSQNX9MCSTB", 4, true, true, false)
	add("Not Achieved ", "", 7, true, false, false) // the blank belongs to the name
	add("Abandoned", "", 8, false, false, false)
	add("On Track", "", 9, true, true, true)
}

func (s *seeds) addTypes() {
	all := []string{"ALL_ENTITY"}
	every := s.statuses
	s.addType("Expansion", "", 4, true, all, s.pick("New", "On Track", "At Risk", "Achieved", "Partially Achieved"))
	s.addType("Adoption", "", 2, true, all, s.pick("New", "On Track", "At Risk", "Achieved"))
	s.addType("Default", "1I00GO4Q83RGDEM94Y417YFL8IB9L9R5WO99", 1, true, all, every)
	s.types[2].systemName = "DEFAULT_GOAL_TYPE"
	s.addType("Renewal", "", 5, true, []string{"COMPANY", s.relTypes[0].gsid}, s.pick("On Hold", "On Track", "At Risk", "Achieved"))
	s.addType("Onboarding", "", 3, true, []string{"COMPANY"}, s.pick("New", "On Track", "On Hold", "Achieved"))
	s.addType("Legacy Outcomes", "", 6, false, all, every)
	s.addType("Adoption", "", 7, true, all, every)
	s.types[6].ambiguous = true
}

func (s *seeds) addType(name, gsid string, order int, active bool, entities []string, statuses []*item) {
	if gsid == "" {
		gsid = seedGsid(itemPrefix, "goal type", fmt.Sprintf("%s#%d", name, order))
	}
	s.types = append(s.types, &item{
		gsid: gsid, name: name, color: "#98E7B1", category: "GOAL_TYPE", order: order, active: active,
		entities: entities, statuses: statuses,
	})
}

// pick returns the statuses of these names, ambiguous ones too.
func (s *seeds) pick(names ...string) []*item {
	var list []*item
	for _, n := range names {
		list = append(list, named(s.statuses, n, &Switches{Ambiguous: true})...)
	}
	return list
}

func (s *seeds) defaultType() *item {
	for _, i := range s.types {
		if i.systemName != "" {
			return i
		}
	}
	return s.types[0]
}

// addLinks adds calls to action, success plans and the work that goals may name.
func (s *seeds) addLinks() {
	for i := range 12 {
		s.addLink(fmt.Sprintf("Follow up on usage %d", i+1), seedGsid(ctaPrefix, "cta", fmt.Sprint(i)), false)
	}
	for i := range 8 {
		s.addLink(fmt.Sprintf("Success plan %d", i+1), seedGsid(planPrefix, "plan", fmt.Sprint(i)), true)
	}
	for i := range 6 {
		s.work[seedGsid(itemPrefix, "work", fmt.Sprint(i))] = true
	}
}

func (s *seeds) addLink(name, gsid string, plan bool) {
	n := len(s.links)
	l := &link{
		gsid: gsid, name: name, entityType: "COMPANY", owner: s.people[n%len(s.people)],
		statusID: seedGsid(itemPrefix, "work status", "open"), dueDate: "2025-01-31 11:30:00", plan: plan,
	}
	s.links = append(s.links, l)
	if plan {
		s.plans[gsid] = l
	} else {
		s.ctas[gsid] = l
	}
}
