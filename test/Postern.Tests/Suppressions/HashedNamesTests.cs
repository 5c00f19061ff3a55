using System.Globalization;
using Postern.Mta.Suppressions;

namespace Postern.Tests.Suppressions;

public sealed class HashedNamesTests
{
    static string NameOf(int number) => string.Create(CultureInfo.InvariantCulture, $"r{number}@net.example");

    [Fact]
    public void Names_AddedAndRemovedInAnyOrder_AreWhatASetHolds()
    {
        var chance = new Random(7);
        var names = new HashedNames();
        var expected = new HashSet<int>();
        for (var i = 0; i < 50_000; i++)
        {
            var number = chance.Next(3000);
            var hash = names.HashOf(0, NameOf(number));
            if (chance.Next(2) == 0)
            {
                names.Add(hash);
                expected.Add(number);
            }
            else
            {
                names.Remove(hash);
                expected.Remove(number);
            }
        }
        Assert.InRange(expected.Count, 1000, 2000);
        Assert.Equal(expected.Count, names.Count);
        for (var number = 0; number < 3000; number++)
            Assert.Equal(expected.Contains(number), names.Contains(names.HashOf(0, NameOf(number))));
    }

    [Fact]
    public void Parts_SplitElsewhere_AreAnotherName()
    {
        var names = new HashedNames();
        names.Add(names.HashOf(names.HashOf(0, "ab"), "c"));
        Assert.True(names.Contains(names.HashOf(names.HashOf(0, "ab"), "c")));
        Assert.False(names.Contains(names.HashOf(names.HashOf(0, "a"), "bc")));
        Assert.False(names.Contains(names.HashOf(0, "abc")));
    }

    [Fact]
    public void AHundredThousandNames_TakeAtMost12OctetsEach()
    {
        var names = new HashedNames();
        for (var i = 0; i < 100_000; i++)
            names.Add(names.HashOf(0, NameOf(i)));
        Assert.InRange(names.Octets / 100_000.0, 8, 12);
    }
}
