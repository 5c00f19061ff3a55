using Postern.Mta.Intake;

namespace Postern.Tests.Intake;

public sealed class DeliveryWindowTests
{
    [Theory]
    [InlineData("1h30m", 90)]
    [InlineData("90m", 90)]
    [InlineData("5m", 5)]
    [InlineData("24h", 1440)]
    [InlineData(" 600s", 10)]
    public void Text_IsRead(string text, int minutes)
    {
        Assert.True(DeliveryWindow.TryParse(text, out var window));
        Assert.Equal(TimeSpan.FromMinutes(minutes), window);
    }

    [Theory]
    [InlineData("")]
    [InlineData("1h30")]
    [InlineData("30m1h")]
    [InlineData("4m")]
    [InlineData("24h1m")]
    [InlineData("1d")]
    [InlineData("-1h")]
    [InlineData("99999999999999h")]
    [InlineData("١h")]
    public void Text_ThatIsNone_IsRefused(string text) => Assert.False(DeliveryWindow.TryParse(text, out _));

    [Theory]
    [InlineData(60, "1m")]
    [InlineData(61, "2m")]
    [InlineData(3600, "1h")]
    [InlineData(5400, "1h30m")]
    public void Window_IsWrittenInWholeMinutes(int seconds, string text) =>
        Assert.Equal(text, DeliveryWindow.Format(TimeSpan.FromSeconds(seconds)));
}
