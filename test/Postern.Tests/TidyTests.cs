namespace Postern.Tests;

public sealed class TidyTests
{
    [Fact]
    public void Solution_Root_HasTheEntryScript() => Assert.True(File.Exists(Repository.PathOf("do")));
}
