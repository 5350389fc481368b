// Package linktest is the conformance suite for implementations of link.Fabric: it states what a
// shape means as rules, each with the reason why it matters.
//
//	func TestMain(m *testing.M) { hosttest.Main(m) }
//
//	func TestConformance(t *testing.T) {
//		linktest.Run(t, linktest.Setup{
//			Start:  func(hub *host.Host, seed uint64) (linktest.Fabric, error) { return userspace.Start(hub, seed, os.Stderr) },
//			Seeded: true,
//		})
//	}
//
// Times are checked against lower bounds, which no load of the machine can break, and against upper
// bounds that only a faulty fabric exceeds. With RECKON_LAB=1 in the environment, on a machine with
// virtual time, upper bounds are half a millisecond. Frequencies are checked against 99.9 % bounds
// where draws are seeded, and five standard deviations where they are not.
//
// The suite never sleeps to show that nothing arrives: it shows what arrived instead.
package linktest
