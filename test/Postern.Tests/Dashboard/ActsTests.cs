using Postern.Dashboard;
using Postern.Mta.Accounts;

namespace Postern.Tests.Dashboard;

public sealed class ActsTests
{
    [Theory]
    [InlineData("POST queue/hold?state=ready", OperatorRole.Operator)]
    [InlineData("POST queue/hold?route=..%2Fusers", OperatorRole.Operator)]
    [InlineData("POST inbound/replay?id=0SCXC4ZM40000", OperatorRole.Operator)]
    [InlineData("DELETE suppressions?address=a%40b.example", OperatorRole.Operator)]
    [InlineData("DELETE accounts/kim.lee%40b.example", OperatorRole.Admin)]
    [InlineData("POST users/kim/link", OperatorRole.Admin)]
    [InlineData("POST reload", OperatorRole.Admin)]
    public void Call_IsForARoleAndThoseAbove(string call, OperatorRole least)
    {
        foreach (var role in Enum.GetValues<OperatorRole>())
            Assert.Equal(role >= least, Acts.MayDo(role, call));
    }

    [Theory]
    [InlineData("DELETE queue/../users/kim")]
    [InlineData("DELETE queue/%2e%2e/users/kim")]
    [InlineData("DELETE queue/.%2E/users/kim")]
    [InlineData("DELETE queue/./../users/kim")]
    [InlineData("DELETE queue\\..\\users\\kim")]
    [InlineData("DELETE queue/%5c..%5cusers/kim")]
    [InlineData("DELETE queue%2f..%2fusers/kim")]
    [InlineData("POST queue//users")]
    [InlineData("POST //elsewhere.example/queue")]
    [InlineData("POST /users")]
    [InlineData("POST ../../v3/routes")]
    [InlineData("POST http://elsewhere.example/queue")]
    [InlineData("POST queue#/users")]
    [InlineData("POST queue/\r\nHost: x")]
    [InlineData("POST ")]
    [InlineData("")]
    public void Call_ThatLeadsElsewhere_IsForNobody(string call) =>
        Assert.False(Acts.MayDo(OperatorRole.Admin, call));
}
