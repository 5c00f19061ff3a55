namespace Postern.Dashboard;

sealed partial class KoreanWords
{
    public override string Search => "검색";

    public override string SearchExplained =>
        "주소, 제목, ID, 태그로 찾습니다. from:, to:, subject:, tag:, id:, state:를 앞에 붙일 수 있습니다.";

    public override string SinceDay => "시작일 (UTC)";
    public override string UntilDay => "종료일 (UTC)";
    public override string NothingFound => "조건에 맞는 메시지가 없습니다.";

    public override string TooBroad =>
        "이렇게 시작하는 단어가 너무 많아 검색하지 못했습니다. 단어를 더 길게, 또는 전부 입력하세요.";

    public override string NoMessages => "아직 메시지가 없습니다. 메일을 보내면 여기에 나타납니다.";
    public override string LookedTo => "일부만 검색했습니다. 검색한 범위:";

    public override string IndexBehind(long events) =>
        $"최근 이벤트 {Number(events)}건이 아직 목록에 반영되지 않았습니다.";
}
